"""Draws docs/data-model.svg from the models: `make picture`. A tool for developers, not part of the service."""
