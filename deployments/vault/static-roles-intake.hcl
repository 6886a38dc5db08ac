# Added to the intake for connections on static roles: which version is the newest, without the password.
path "ldap/static-role/branch-cayosoft" { capabilities = ["read"] }
