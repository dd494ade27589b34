#!/usr/bin/env bash
# A SLURM cluster on this machine alone, for tests: one controller and three nodes on loopback,
# without systemd, cgroups or a database.
#
#   cluster.sh install           from the distribution's packages (apt-get; root)
#   cluster.sh start             and wait until a first job has run
#   cluster.sh stop              and remove everything but the packages
#   cluster.sh power-cut g1      a node and all that runs on it die, and the controller is told
#   cluster.sh power-on g1
#   cluster.sh controller-down   as an administrator would: it saves its state first
#   cluster.sh controller-up
#
# Nodes: c1 (partition cpu), g1 and g2 (partition gpu, with one GPU each, which is /dev/null). What
# they claim to have is fiction (config_overrides); memory above a job's request is not: such a
# job is killed. Logs and one line per ended job (jobcomp.txt) lie in $SLURM_LAB/log.
set -euo pipefail

LAB=${SLURM_LAB:-/tmp/cliff-tokens-slurm}
PORT=16820 # of the controller; nodes have those that follow
HOST=$(hostname -s)
NODES=(c1 g1 g2)
export PATH=$PATH:/usr/sbin:/sbin SLURM_CONF=$LAB/etc/slurm.conf

die() {
  echo "cluster.sh: $*" >&2
  exit 1
}

install() {
  # Daemons of the packages stay down: the cluster's are its own.
  local guard=/usr/sbin/policy-rc.d
  [ -e $guard ] || { printf '#!/bin/sh\nexit 101\n' >$guard && chmod +x $guard && trap "rm -f $guard" EXIT; }
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
    slurmctld slurmd slurm-client munge
}

configure() {
  mkdir -p "$LAB"/{etc,munge,state,log,spool,run,dev} /etc/slurm
  chmod 711 "$LAB/munge"
  (umask 077 && head -c 1024 /dev/urandom >"$LAB/munge/key")
  cat >"$SLURM_CONF" <<CONF
ClusterName=lab
SlurmctldHost=$HOST(127.0.0.1)
SlurmctldPort=$PORT
SlurmUser=root
AuthInfo=socket=$LAB/munge/socket,cred_expire=10
StateSaveLocation=$LAB/state
SlurmdSpoolDir=$LAB/spool/%n
SlurmctldPidFile=$LAB/run/slurmctld.pid
SlurmdPidFile=$LAB/run/slurmd.%n.pid
SlurmctldLogFile=$LAB/log/slurmctld.log
SlurmdLogFile=$LAB/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
# Shared pages once (two Snakemakes run in every job), and more than was asked for is death.
JobAcctGatherParams=UsePss,OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SlurmdParameters=config_overrides
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,bf_interval=2
ReturnToService=2
KillWait=2
# A step that starts while the controller is away asks again only after this and some seconds.
SlurmctldTimeout=60
MinJobAge=86400
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$LAB/log/jobcomp.txt
CONF
  local port=$PORT node
  : >"$LAB/etc/gres.conf"
  for node in "${NODES[@]}"; do
    port=$((port + 1))
    local gpu=
    if [[ $node == g* ]]; then
      gpu=Gres=gpu:1
      # A GPU has to be a character device.
      ln -sfn /dev/null "$LAB/dev/$node"
      echo "NodeName=$node Name=gpu File=$LAB/dev/$node" >>"$LAB/etc/gres.conf"
    fi
    echo "NodeName=$node NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$port CPUs=8 RealMemory=256000 $gpu"
  done >>"$SLURM_CONF"
  echo "PartitionName=cpu Nodes=c1 Default=YES" >>"$SLURM_CONF"
  echo "PartitionName=gpu Nodes=g1,g2" >>"$SLURM_CONF"
  # From 23.11 on needed where there are no cgroups; before, not understood.
  if [ "$(slurmd -V | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge 23 ]; then
    echo "CgroupPlugin=disabled" >"$LAB/etc/cgroup.conf"
  fi
  # The executor removes SLURM_CONF from a job's environment before it calls srun.
  local file
  for file in "$LAB"/etc/*.conf; do
    local link=/etc/slurm/${file##*/}
    [ -L "$link" ] || [ ! -e "$link" ] || die "$link exists and is not of this cluster"
    ln -sfn "$file" "$link"
  done
}

alive() { # a zombie is dead: process 1 of a container may not reap it
  [ -f "$LAB/run/$1" ] && grep -q '^State:[[:space:]]*[^ZX]' "/proc/$(cat "$LAB/run/$1")/status" 2>/dev/null
}
launch() { # launch NAME COMMAND...
  local name=$1
  shift
  setsid "$@" >>"$LAB/log/$name.out" 2>&1 </dev/null &
  echo $! >"$LAB/run/$name"
}
kill_tree() {
  local child
  for child in $(pgrep -P "$1"); do kill_tree "$child"; done
  kill -9 "$1" 2>/dev/null || true
}
wait_for() { # wait_for SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { tail -n 20 "$LAB"/log/*.out "$LAB"/log/slurmctld.log >&2 || true; die "no success: $*"; }
    sleep 0.2
  done
}
ready() { [ "$(sinfo -h -N -o '%N %T' | sort -u | grep -cE ' (idle|mixed|allocated|completing)$')" = ${#NODES[@]} ]; }
node_ready() { sinfo -h -n "$1" -o %T | grep -qE '^(idle|mixed|allocated)$'; }
launch_node() {
  mkdir -p "$LAB/spool/$1"
  launch "$1" slurmd -D -N "$1"
}

start() {
  command -v slurmctld slurmd squeue munged >/dev/null || die "SLURM is not installed: $0 install"
  stop
  configure
  launch munged munged --foreground --key-file="$LAB/munge/key" --socket="$LAB/munge/socket" \
    --pid-file="$LAB/run/munged.pid" --log-file="$LAB/log/munged.log" --seed-file="$LAB/munge/seed"
  wait_for 10 munge -S "$LAB/munge/socket" -n
  launch slurmctld slurmctld -D
  local node
  for node in "${NODES[@]}"; do launch_node "$node"; done
  wait_for 40 ready
  wait_for 20 srun -Q -n1 -t1 true
}

stop() {
  [ -d "$LAB" ] || return 0
  local name file
  for name in "${NODES[@]}" slurmctld munged; do
    if alive "$name"; then kill_tree "$(cat "$LAB/run/$name")"; fi
  done
  for name in "${NODES[@]}"; do kill_steps "$name"; done
  for file in "$LAB"/etc/*.conf; do
    if [ "$(readlink "/etc/slurm/${file##*/}")" = "$file" ]; then rm "/etc/slurm/${file##*/}"; fi
  done
  rm -rf "$LAB"
}
kill_steps() { # what a node runs: its steps are no children of its daemon
  local step
  for step in $(pgrep -f '^slurmstepd: ' || true); do
    if ls -l "/proc/$step/fd" 2>/dev/null | grep -q "$LAB/log/slurmd.$1.log"; then kill_tree "$step"; fi
  done
}

case ${1:-} in
  install | start | stop) "$1" ;;
  power-cut)
    kill -9 "$(cat "$LAB/run/$2")"
    kill_steps "$2"
    scontrol update nodename="$2" state=down reason="power cut"
    ;;
  power-on)
    launch_node "$2"
    scontrol update nodename="$2" state=resume
    wait_for 30 node_ready "$2"
    ;;
  controller-down)
    kill "$(cat "$LAB/run/slurmctld")"
    end=$((SECONDS + 20))
    while alive slurmctld; do
      [ $SECONDS -lt $end ] || die "the controller does not stop"
      sleep 0.2
    done
    ;;
  controller-up)
    launch slurmctld slurmctld -D
    wait_for 30 squeue
    ;;
  *) die "install, start, stop, power-cut NODE, power-on NODE, controller-down or controller-up; found: ${*:-nothing}" ;;
esac
