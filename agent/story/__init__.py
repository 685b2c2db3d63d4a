"""What a run did, for a person: `codeopt report` reads the trace and writes one HTML file."""
