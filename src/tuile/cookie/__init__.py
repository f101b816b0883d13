"""Cookies as an application uses them: declared cookies, typed values, and checks of what a response sets."""
