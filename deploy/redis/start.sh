#!/bin/sh
# Becomes redis-server, with the users of users.acl. Their passwords come from the environment; what is written, where only
# this user can read it, are their hashes. Options go to redis-server: start.sh --maxmemory 2gb
set -eu
umask 077
here=$(dirname "$0")
acl=${REDIS_ACL_FILE:-/run/redis/users.acl}

hash() {
  printf %s "$1" | sha256sum | cut -d ' ' -f 1
}

admin=$(hash "${REDIS_ADMIN_PASSWORD:?is not set}")
worker=$(hash "${REDIS_WORKER_PASSWORD:?is not set}")
exporter=$(hash "${REDIS_EXPORTER_PASSWORD:?is not set}")
sed -e "s/@ADMIN@/$admin/" -e "s/@WORKER@/$worker/" -e "s/@EXPORTER@/$exporter/" \
  -e "s/@NAMESPACE@/${JOURNEY_NAMESPACE:-shop}/" "$here/users.acl" >"$acl"
unset REDIS_ADMIN_PASSWORD REDIS_WORKER_PASSWORD REDIS_EXPORTER_PASSWORD
exec redis-server "$here/redis.conf" --aclfile "$acl" "$@"
