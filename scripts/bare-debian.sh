# Bare Debians in chroots; sourced after common.sh, never run.

# make_machine SUITE FOLDER: a bare Debian with this machine's Node.js and npm.
make_machine() {
  local suite=$1 machine=$2 release mirror
  release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' "Codename: $release" |
    sed -n 1p)
  [[ -n $mirror ]] || fail "apt's lists name no mirror of Debian's main archive: run apt-get update, on Debian"
  step "making a bare Debian ($suite)" debootstrap --variant=minbase \
    --include=ca-certificates,git,libatomic1,libstdc++6 "$suite" "$machine" "$mirror"
  cp -a /etc/apt/apt.conf.d/. "$machine/etc/apt/apt.conf.d/"
  cp -L /etc/ssl/certs/ca-certificates.crt "$machine/etc/ssl/certs/"
  cp -L /etc/resolv.conf /etc/hosts "$machine/etc/"
  mkdir -p "$machine/usr/local/lib/node_modules"
  cp "$(node -p process.execPath)" "$machine/usr/local/bin/node"
  cp -a "$(npm root --global)/npm" "$machine/usr/local/lib/node_modules/"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$machine/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$machine/usr/local/bin/npx"
}

# inside MACHINE USER FOLDER COMMAND...: runs it there with mounts and processes of its own, which end with it.
inside() {
  local machine=$1 user=$2 folder=$3 home=/home/$2 variable environment=()
  shift 3
  [[ $user != root ]] || home=/root
  for variable in {http,https,no}_proxy {HTTP,HTTPS,NO}_PROXY NODE_EXTRA_CA_CERTS SSL_CERT_FILE; do
    [[ -z ${!variable:-} ]] || environment+=("$variable=${!variable}")
  done
  unshare --mount --propagation private --pid --fork --kill-child bash -c '
    machine=$1 user=$2
    shift 2
    mount -t proc proc "$machine/proc"
    mount -t sysfs sys "$machine/sys"
    mount --rbind /dev "$machine/dev"
    exec chroot --userspec="$user:$user" "$machine" /usr/bin/env -i "$@"
  ' inside "$machine" "$user" "${environment[@]}" HOME="$home" USER="$user" LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash -c 'cd "$0" && "$@"' "$folder" "$@"
}
