"""What may break while the service is at work: processes, the store, the database, the line between them.

The service runs as in production, in processes of its own, with real servers behind proxies that misbehave as
told. FAULT_ROUNDS says how often each kill is repeated: once in the tests, 20 times in `make faults`.
"""
