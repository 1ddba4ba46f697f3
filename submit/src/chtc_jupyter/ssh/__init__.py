"""The connection to the access point: the system's ssh, the agent that it carries, and the tunnel into the job."""
