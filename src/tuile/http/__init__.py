"""Read and write HTTP headers, dates, cookies and bodies, without a request object."""
