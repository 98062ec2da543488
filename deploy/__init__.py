"""What the containers run around the service, and what starts them (`make docker-run`). See docs/containers.md."""
