"""The seams of the lake on a real lakeFS server, with delta-rs as the writer."""
