"""For any WSGI server: `gunicorn wsgi:app`."""

from insight_journey.app import create_server_app

app = create_server_app()
