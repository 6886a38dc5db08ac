"""What there is: services, connections, directories, tenants, and the rules that keep them apart."""
