# nginx with the configuration of this folder on free ports. Sourced after tests/services.sh.
# After nginx_for ADDRESS… and start_nginx: nginx_dir, nginx_port (TLS), nginx_plain_port. With
# nginx_load_port set, the same is served there without TLS, for a load that speaks none.

nginx_dir=""

certificate() { # certificate KEY CERTIFICATE: makes both, for two days
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=fitgate.example.cn -addext subjectAltName=DNS:fitgate.example.cn \
        -keyout "$1" -out "$2" 2>/dev/null
}

# Replaces what is marked in fitgate.conf: names of servers, ports, certificate, logs.
nginx_for() {
    nginx_dir=${nginx_dir:-$(mktemp -d "${TMPDIR:-/tmp}/fitgate-nginx.XXXXXX")}
    nginx_port=${nginx_port:-$(free_port)} nginx_plain_port=${nginx_plain_port:-$(free_port)}
    [ -e "$nginx_dir/cert.pem" ] || certificate "$nginx_dir/key.pem" "$nginx_dir/cert.pem"
    local lines="" address
    for address in "$@"; do lines+="server $address max_fails=1 fail_timeout=1s;"$'\n'; done
    printf '%s' "$lines" >"$nginx_dir/servers.conf"
    sed -e "s|/etc/nginx/fitgate-servers.conf|$nginx_dir/servers.conf|" \
        -e "s|listen 80; # @http|listen 127.0.0.1:$nginx_plain_port;|" \
        -e "s|listen 443 ssl http2; # @https.*|listen 127.0.0.1:$nginx_port ssl http2;${nginx_load_port:+ listen 127.0.0.1:$nginx_load_port;}|" \
        -e "s|/etc/fitgate/tls/fullchain.pem|$nginx_dir/cert.pem|" \
        -e "s|/etc/fitgate/tls/privkey.pem|$nginx_dir/key.pem|" \
        -e "s|/var/log/nginx/fitgate.log|$nginx_dir/fitgate.log|" \
        deploy/nginx/fitgate.conf >"$nginx_dir/fitgate.conf"
    sed -e "s|/tmp/|$nginx_dir/|" -e "s|/etc/nginx/fitgate.conf|$nginx_dir/fitgate.conf|" \
        -e "s|/dev/stderr|$nginx_dir/error.log|" -e 's|^worker_processes auto|worker_processes 1|' \
        deploy/nginx/nginx.conf >"$nginx_dir/nginx.conf"
}

start_nginx() {
    nginx -p "$nginx_dir" -c "$nginx_dir/nginx.conf" 2>"$nginx_dir/start.log" ||
        { cat "$nginx_dir/start.log" >&2; return 1; }
}

stop_nginx() {
    [ -n "$nginx_dir" ] || return 0
    [ ! -s "$nginx_dir/nginx.pid" ] || kill "$(cat "$nginx_dir/nginx.pid")" 2>/dev/null
    rm -rf "$nginx_dir"
    nginx_dir=""
}
