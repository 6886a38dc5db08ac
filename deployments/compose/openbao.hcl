# OpenBao for those who have no Vault yet: one node, unsealed by hand after every start. Not for production.
ui = false
disable_mlock = true
storage "file" {
  path = "/openbao/file"
}
listener "tcp" {
  address       = "0.0.0.0:8200"
  tls_cert_file = "/run/secrets/openbao-certificate"
  tls_key_file  = "/run/secrets/openbao-key"
}
