"""HTTP as text: headers, dates, and both cookie headers, independent of any request."""
