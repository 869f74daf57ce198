"""The loop of training and what surrounds it; knows neither models nor data."""
