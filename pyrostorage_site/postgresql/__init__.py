"""Django's PostgreSQL backend with two savings per request. settings.DATABASES names this package."""
