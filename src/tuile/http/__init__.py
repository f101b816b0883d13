"""HTTP as text: header lists, dates, and both cookie headers. Nothing here knows a request."""
