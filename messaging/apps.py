from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "messaging"
    verbose_name = "WhatsApp"

    def ready(self) -> None:
        from contacts.panels import register_contact_panel
        from messaging.conversation import conversation

        register_contact_panel(conversation)
