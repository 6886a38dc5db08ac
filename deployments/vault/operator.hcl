# Somebody who enters a credential in a console by hand (driver operator): the passwords of the connections, in use and
# waiting. Give it to as few people as have product role Global Administrators; each reading is in Vault's audit log.
path "kv/data/cayosoft/*"               { capabilities = ["read"] }
path "kv/metadata/cayosoft/*"           { capabilities = ["read", "list"] }
path "kv/data/rotation/+/pending/*"     { capabilities = ["read"] }
path "kv/metadata/rotation/+/pending/*" { capabilities = ["read"] }
