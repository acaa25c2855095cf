#!/bin/bash
# What test.sh runs inside of the system.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin NO_COLOR=1
cd /root

ok() { echo "ok: $*"; }
fail() {
    echo "FAILED: $*"
    systemctl status bursar --no-pager || true
    journalctl -u bursar -n 40 --no-pager || true
    exit 1
}
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR
until_true() { # what, command
    local what=$1
    shift
    for _ in $(seq 240); do
        if "$@" >/dev/null 2>&1; then
            ok "$what"
            return
        fi
        sleep 0.5
    done
    fail "$what"
}
pid() { systemctl show bursar -p MainPID --value; }
is_active() { systemctl is-active --quiet bursar; }

# A new installation starts nothing.
dpkg -i old.deb >install.log 2>&1 || { cat install.log; fail "dpkg -i"; }
grep -q 'not started yet' install.log
! is_active || fail "it was started"
! systemctl is-enabled --quiet bursar || fail "it was enabled"
getent passwd bursar >/dev/null
[ "$(stat -c '%a %U %G' /etc/bursar/bursar.yaml)" = "640 root bursar" ] || fail "rights of the settings"
[ -e /usr/share/man/man1/bursar-release-plan.1.gz ] || fail "no manual pages"
[ -e /usr/share/bash-completion/completions/bursar ] || fail "no completions"
code=0; bursar service status >status.txt || code=$?
[ "$code" = 3 ] && grep -q 'does not start with the computer' status.txt || fail "$(cat status.txt)"
code=0; bursar service install -c /etc/bursar/bursar.yaml 2>why.txt || code=$?
[ "$code" = 1 ] && grep -q 'of a package' why.txt || fail "$(cat why.txt)"
known_question() { debconf-show bursar | grep -q 'bursar/purge-store: false'; }
known_question || fail "what purging asks is not known"
ok "installed, and not started"

# Started all the same, it says what is missing, and is not tried for ever.
systemctl start bursar 2>/dev/null && fail "it runs without certificates"
[ "$(systemctl show bursar -p ExecMainStatus --value)" = 2 ] || fail "not refused by its settings"
[ "$(systemctl show bursar -p NRestarts --value)" = 0 ] || fail "tried again"
systemctl reset-failed bursar
ok "refused unconfigured"

# A simulated site, and settings with a credential.
systemd-run --quiet --unit site --working-directory /root /usr/bin/bursar simulate
until_true "the site is there" test -s certificates/root.pem
install -m 0640 -g bursar certificates/*.pem /etc/bursar/certificates/
install -d -m 0700 /etc/bursar/credentials
(umask 077; echo of-root-alone >/etc/bursar/credentials/influxdb-token)
cat >/etc/bursar/bursar.yaml <<'YAML'
Butler:
  configQRS:
    host: 127.0.0.1
    port: 4242
    tlsServerName: qlik01.example.com
    headers: {static: [{name: X-Qlik-User, value: UserDirectory=INTERNAL; UserId=sa_repository}]}
  cert:
    clientCert: /etc/bursar/certificates/client.pem
    clientCertKey: /etc/bursar/certificates/client_key.pem
    clientCertCA: /etc/bursar/certificates/root.pem
  influxDb:
    enable: true
    hostIP: 127.0.0.1
    version: 2
    v2Config: {org: o, bucket: b, token: '${credential:influxdb-token}'}
  qlikSenseLicense:
    licenseMonitor: {enable: true, frequency: every 1 minute, destination: {influxDb: {enable: true}}}
YAML
mkdir -p /etc/systemd/system/bursar.service.d
cat >/etc/systemd/system/bursar.service.d/test.conf <<'UNIT'
[Service]
LoadCredential=influxdb-token:/etc/bursar/credentials/influxdb-token
WatchdogSec=6
UNIT
systemctl daemon-reload
systemctl enable --now --quiet bursar || fail "it does not start"
is_active || fail "it does not run"
of_daemon() { (cd /var/lib/bursar && runuser -u bursar -- bursar "$@" -c /etc/bursar/bursar.yaml); }
read_seats() { of_daemon status --json | grep -q '"professional": *{'; }
until_true "the site is read" read_seats
journalctl -u bursar --no-pager | grep -q 'credential .* is not there' && fail "no credential"
bursar service status | grep -q '^active, starts with the computer' || fail "$(bursar service status)"
systemctl reload bursar || fail "reload"
ok "runs, with a secret of root's"

# The unit is closed, and the daemon does its work in it.
exposure=$(systemd-analyze security bursar --no-pager | sed -n 's/.*Overall exposure level for bursar.service: \([0-9.]*\).*/\1/p')
echo "exposure $exposure"
[ "${exposure/./}" -le 15 ] || fail "exposure $exposure"

# One that hangs is replaced.
first=$(pid)
kill -STOP "$first"
is_another() { is_active && [ "$(pid)" != "$first" ] && [ "$(pid)" != 0 ]; }
until_true "one that hangs is replaced by the watchdog" is_another
bursar service status | grep -q 'started again' || fail "$(bursar service status)"

# An upgrade keeps settings and store, and goes on.
before_pid=$(pid) before_inode=$(stat -c %i /var/lib/bursar/bursar.db) before_sum=$(sha256sum /etc/bursar/bursar.yaml)
dpkg -i new.deb >upgrade.log 2>&1 || { cat upgrade.log; fail "upgrade"; }
is_active || fail "it does not run after the upgrade"
[ "$(pid)" != "$before_pid" ] || fail "the old program goes on"
[ "$(stat -c %i /var/lib/bursar/bursar.db)" = "$before_inode" ] || fail "another store"
[ "$(sha256sum /etc/bursar/bursar.yaml)" = "$before_sum" ] || fail "the settings changed"
until_true "the site is read after the upgrade" read_seats

# A store of an older version is copied before it is brought up to date.
systemctl stop bursar
mv /var/lib/bursar/bursar.db store-of-before.db
rm -f /var/lib/bursar/bursar.db-wal /var/lib/bursar/bursar.db-shm
install -m 0600 -o bursar -g bursar store-6.db /var/lib/bursar/bursar.db
dpkg -i old.deb >/dev/null 2>&1 || fail "the old one again"
! is_active || fail "an upgrade started what was stopped"
systemctl start bursar || fail "it does not start on an older store"
ls /var/lib/bursar/*.v6.backup >/dev/null || fail "no copy of the older store"
ok "an older store was copied and brought up to date"

# Settings that the new version does not take: the old one goes on.
before_pid=$(pid)
cp /etc/bursar/bursar.yaml good.yaml
echo '  locale: elvish' >>/etc/bursar/bursar.yaml
dpkg -i new.deb >refused.log 2>&1 || { cat refused.log; fail "upgrade with settings that are refused"; }
grep -q 'the old one goes on' refused.log || fail "$(cat refused.log)"
is_active && [ "$(pid)" = "$before_pid" ] || fail "the old one does not go on"
cat good.yaml >/etc/bursar/bursar.yaml
ok "settings that are refused stop nothing"

# Removed, purged without an answer, purged with one.
dpkg -r bursar >/dev/null 2>&1
! is_active || fail "it runs after it was removed"
known_question || fail "removing took the question"
[ -s /var/lib/bursar/bursar.db ] && [ -e /etc/bursar/bursar.yaml ] || fail "removing took the store or the settings"
dpkg -P bursar >purge.log 2>&1 || { cat purge.log; fail "purge"; }
[ -s /var/lib/bursar/bursar.db ] || fail "purging took the store unasked"
grep -q '/var/lib/bursar stays' purge.log || fail "$(cat purge.log)"
[ ! -e /etc/bursar/bursar.yaml ] && [ -s /etc/bursar/certificates/client.pem ] || fail "what purging takes"
ok "purged, and the store kept"
dpkg -i new.deb >/dev/null 2>&1
! is_active || fail "a new installation on an old store was started"
echo 'bursar bursar/purge-store boolean true' | debconf-set-selections
dpkg -P bursar >/dev/null 2>&1 || fail "purge"
[ ! -e /var/lib/bursar ] || fail "the store stays though it was to go"
ok "purged with the store"

# Without the package: the command installs, asks and removes the service.
hash -r
dpkg-deb -x new.deb unpacked
install -m 0755 unpacked/usr/bin/bursar /usr/local/bin/bursar
install -d -m 0750 -g bursar /etc/bursar
install -m 0640 -g bursar good.yaml /etc/bursar/bursar.yaml
rm -rf /etc/systemd/system/bursar.service.d
bursar service install -c /etc/bursar/bursar.yaml --now \
    --credential influxdb-token:/etc/bursar/credentials/influxdb-token || fail "service install"
[ "$(systemctl is-enabled bursar)" = enabled ] && is_active || fail "service install"
bursar service status >status.txt && grep -q '^active, starts with the computer' status.txt || fail "$(cat status.txt)"
until_true "the site is read" read_seats
chmod 0600 /etc/bursar/certificates/client_key.pem
bursar service install -c /etc/bursar/bursar.yaml 2>why.txt || fail "again"
grep -q "can't read /etc/bursar/certificates/client_key.pem" why.txt || fail "$(cat why.txt)"
bursar service uninstall || fail "service uninstall"
! is_active && [ ! -e /etc/systemd/system/bursar.service ] || fail "service uninstall"
ok "installed, asked and removed by the command"
touch /root/passed
