"""The audit: exploit programs and honest controls, judged by our own verdict."""
