#!/bin/sh
# Writes one random password a file into deploy/secrets/; files that are there stay as they are.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets
for name in postgres registry exchange insights readonly; do
  file=secrets/${name}_password
  [ -s "$file" ] && continue
  # letters and digits only: the password also stands in connection addresses
  LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c 32 >"$file"
  chmod 444 "$file"  # the folder is closed; the containers' users must be able to read the file
  echo "wrote deploy/$file"
done
