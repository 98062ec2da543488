from django.apps import AppConfig


class Curation(AppConfig):
    name = "curation"
    verbose_name = "Curation"
