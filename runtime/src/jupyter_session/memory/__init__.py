"""The job's memory: how much is used, and the guard that stops the largest program before HTCondor stops the job."""
