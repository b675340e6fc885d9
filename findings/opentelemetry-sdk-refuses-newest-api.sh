#!/bin/sh
# Software: @opentelemetry/api 1.10.0 and @opentelemetry/sdk-trace-base 2.12.1, both the newest of November 2026.
#
# A library that wants to be traced depends on @opentelemetry/api, and its user adds the SDK. With the usual range ^1.9.0 npm
# gives the library API 1.10.0. The SDK, released by the same project, names the API as a peer below 1.10.0. So adding the
# newest SDK to a project with the newest API fails with ERESOLVE, and the same SDK installs beside API 1.9.
#
# What one may do: give the range of the API as ~1.9.0 until the SDK takes 1.10.
#
# Seen:
#   API 1.10.0 with SDK 2.12.1: npm ERESOLVE
#   API 1.9.0 with SDK 2.12.1: installed
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
try() {
  rm -rf node_modules package-lock.json
  printf '{"name":"reader","version":"1.0.0","private":true,"dependencies":{"@opentelemetry/api":"%s"}}' "$1" > package.json
  npm install --silent --no-audit --no-fund > /dev/null 2>&1
  if npm install --no-audit --no-fund @opentelemetry/sdk-trace-base@2.12.1 > log 2>&1; then
    seen=installed
  elif grep -q ERESOLVE log; then
    seen='npm ERESOLVE'
  else
    seen=$(tail -n 1 log)
  fi
  echo "API $1 with SDK 2.12.1: $seen"
  [ "$seen" = "$2" ] || { echo "The behaviour has changed." >&2; exit 1; }
}
try 1.10.0 'npm ERESOLVE'
try 1.9.0 installed
