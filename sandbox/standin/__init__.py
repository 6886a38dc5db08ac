"""What every stand-in is built from: server, faults, journal, clock, certificates, process."""
