# Added to a worker for connections on static roles (`secret.engine: ldap`). Repeat the block for each role by its name: a
# wildcard would show the passwords of everybody's roles. Never set `rotate_on_read` on such a role.
path "ldap/static-role/branch-cayosoft" { capabilities = ["read"] }   # versions, without the password
path "ldap/static-cred/branch-cayosoft" { capabilities = ["read"] }   # the password, when it is entered
path "ldap/rotate-role/branch-cayosoft" { capabilities = ["update"] } # only for --rotate-role
