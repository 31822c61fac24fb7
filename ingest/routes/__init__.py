"""What the collector answers to: tracking calls, browser settings, pixels, imports, health."""
