"""What the commands of Prepare.py do beside making records."""
