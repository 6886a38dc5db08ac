# Somebody who may answer the orchestrator's forms where approve_in is vault: below the folder of the own name, once each.
#
# Vault fills the name in from the entity that has signed in (ACL policy path templating). Give every approver an entity
# with a name that people know: `vault write identity/entity name=ines policies=account-rotation-approver`, and tie the
# login to it by an alias. Nobody else may be able to write here, or rename an entity: that person would be everybody.
path "kv/data/approvals/{{identity.entity.name}}/*" { capabilities = ["create"] }
