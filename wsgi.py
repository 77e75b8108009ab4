"""For any WSGI server: `gunicorn wsgi:app`."""

from insight_journey.app import create_app

app = create_app()
