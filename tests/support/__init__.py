"""What the tests are written with: sessions, laptops, DAGs, terminals, ssh."""
