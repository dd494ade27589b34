#!/usr/bin/env bash
# A SLURM cluster on this machine alone, for tests: one controller and four nodes on loopback,
# without systemd, cgroups or a database.
#
#   cluster.sh install           from the distribution's packages (apt-get; root)
#   cluster.sh start             and wait until a first job has run; one that is there is stopped
#   cluster.sh stop              and remove everything but the packages
#   cluster.sh power-cut g1      a node and all that runs on it die, and the controller is told
#   cluster.sh power-on g1
#   cluster.sh controller-down   as an administrator would: it saves its state first
#   cluster.sh controller-up
#
# Each asks for a state: it is no error if that state is reached already, or by itself. An error
# says what was awaited, for how long, and what was found instead.
#
# Nodes: c1 (partition cpu), g1, g2 and g3 (partition gpu, with one GPU each, which is /dev/null).
# What they claim to have is fiction (config_overrides); memory above a job's request is not: such
# a job is killed. Logs and one line per ended job (jobcomp.txt) lie in $SLURM_LAB/log.
set -euo pipefail

LAB=${SLURM_LAB:-/var/lib/cliff-tokens-slurm}
# In the environment of all that runs on this cluster: daemons, jobs, and whoever submits jobs and
# is not to outlive it. Unlike a file with the number of a process it cannot name another's.
MARK=CLUSTER_OF_TESTS=$LAB
PORT=16820 # of the controller; nodes have those that follow
HOST=$(hostname -s)
NODES=(c1 g1 g2 g3)
PATIENCE=300 # seconds; on an idle machine nothing here takes more than three
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
# What a job's start takes at most, and what one that is put in the queue again waits.
AuthInfo=socket=$LAB/munge/socket,cred_expire=30
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
# On a busy machine a daemon can be slow to answer, and a job to start or to die: that is no fault.
MessageTimeout=60
SlurmdTimeout=3600
BatchStartTimeout=300
UnkillableStepTimeout=600
# Daemons run ahead of what keeps the machine busy (launch); jobs as who submits them does.
PropagatePrioProcess=1
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
  echo "PartitionName=gpu Nodes=g1,g2,g3" >>"$SLURM_CONF"
  # From 23.11 on needed where there are no cgroups; before, not understood.
  if [ "$(slurmd -V | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge 23 ]; then
    echo "CgroupPlugin=disabled" >"$LAB/etc/cgroup.conf"
  fi
  # The executor removes SLURM_CONF from a job's environment before it calls srun.
  local file
  for file in "$LAB"/etc/*.conf; do
    local link=/etc/slurm/${file##*/}
    [ "$(readlink "$link")" = "$file" ] || [ ! -e "$link" ] ||
      die "$link exists and is not of this cluster"
    ln -sfn "$file" "$link"
  done
}

members() { # members [NODE]: processes of this cluster, or of one node; a zombie is none
  local files
  files=$(grep -slzxF "$MARK" /proc/[0-9]*/environ || true)
  if [ $# -gt 0 ] && [ -n "$files" ]; then
    # SLURM names the node to what it starts there; to the node's daemon, launch_node does.
    files=$(grep -slzxF "SLURMD_NODENAME=$1" $files || true)
  fi
  # And all they started: a job has the environment of who submitted it, which may not be marked.
  ps -eo pid=,ppid=,stat= | awk -v marked="$(tr -dc '0-9\n' <<<"$files" | tr '\n' ' ')" '
    BEGIN { split(marked, list, " "); for (place in list) found[list[place]] }
    $3 !~ /^Z/ { parent[$1] = $2 }
    END {
      for (pid in parent) {
        for (up = pid; (up in parent) && !(up in found); up = parent[up]);
        if ((up in found) && (up in parent)) print pid
      }
    }'
}
alive() { [ -f "$LAB/run/$1" ] && grep -qszxF "$MARK" "/proc/$(cat "$LAB/run/$1")/environ"; }
gone() { ! alive "$1"; }
launch() { # launch NAME COMMAND...
  local name=$1
  shift
  # Daemons of a cluster have machines of their own; and a controller that is slow to restart is
  # away for longer than Snakemake bears (docs/cluster.md).
  setsid env "$MARK" nice -n -10 "$@" >>"$LAB/log/$name.out" 2>&1 </dev/null &
  echo $! >"$LAB/run/$name"
}
wait_for() { # wait_for WHAT FOUND COMMAND...: until it succeeds; FOUND is a command that says what is
  local what=$1 found=$2 end=$((SECONDS + PATIENCE))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $end ]; then
      tail -n 20 "$LAB"/log/*.out "$LAB"/log/slurmctld.log >&2 || true
      die "awaited $what for $PATIENCE s; found: $($found 2>&1)"
    fi
    sleep 0.2
  done
}
kill_members() { # kill_members [NODE]: what one starts while it dies is killed too
  local found end=$((SECONDS + PATIENCE))
  while found=$(members "$@") && [ -n "$found" ]; do
    [ $SECONDS -lt $end ] ||
      die "awaited the end of ${1:-the cluster} for $PATIENCE s; found: $(ps -o pid,stat,args -p "${found//$'\n'/,}")"
    kill -9 $found 2>/dev/null || true
    sleep 0.1
  done
}
nodes() { sinfo -h -N -o '%N %T' | sort -u; }
ready() { [ "$(nodes | grep -cE ' (idle|mixed|allocated|completing)$')" = ${#NODES[@]} ]; }
in_service() { nodes | grep -qE "^$1 (idle|mixed|allocated|completing)\$"; }
out_of_service() { nodes | grep -qE "^$1 down"; }
processes() { ps -o pid,stat,args -p "$(members | paste -sd,)" || echo "no process of the cluster"; }
# A node that registers returns by itself (ReturnToService=2), before or after it is told to, and
# SLURM refuses to resume one that is not down: what counts is the state, not the answer.
resumed() { in_service "$1" || { scontrol update nodename="$1" state=resume && false; }; }
struck() { out_of_service "$1" || { scontrol update nodename="$1" state=down reason="power cut" && false; }; }
launch_node() {
  mkdir -p "$LAB/spool/$1"
  launch "$1" env SLURMD_NODENAME="$1" slurmd -D -N "$1"
}

start() {
  command -v slurmctld slurmd squeue munged >/dev/null || die "SLURM is not installed: $0 install"
  stop
  configure
  launch munged munged --foreground --key-file="$LAB/munge/key" --socket="$LAB/munge/socket" \
    --pid-file="$LAB/run/munged.pid" --log-file="$LAB/log/munged.log" --seed-file="$LAB/munge/seed"
  wait_for "a credential of munge" processes munge -S "$LAB/munge/socket" -n
  launch slurmctld slurmctld -D
  local node
  for node in "${NODES[@]}"; do launch_node "$node"; done
  wait_for "all nodes in service" nodes ready
  wait_for "a first job" nodes timeout 60 srun -Q -n1 -t1 true
}

stop() {
  local file
  kill_members
  for file in "$LAB"/etc/*.conf; do
    if [ "$(readlink "/etc/slurm/${file##*/}")" = "$file" ]; then rm "/etc/slurm/${file##*/}"; fi
  done
  rm -rf "$LAB"
}

case ${1:-} in
  install | start | stop) "$1" ;;
  power-cut)
    kill_members "$2"
    wait_for "node $2 down" nodes struck "$2"
    ;;
  power-on)
    alive "$2" || launch_node "$2"
    wait_for "node $2 in service" nodes resumed "$2"
    ;;
  controller-down)
    ! alive slurmctld || kill "$(cat "$LAB/run/slurmctld")" || true
    wait_for "the end of the controller" processes gone slurmctld
    ;;
  controller-up)
    alive slurmctld || launch slurmctld slurmctld -D
    wait_for "an answer of the controller" processes squeue
    ;;
  *) die "install, start, stop, power-cut NODE, power-on NODE, controller-down or controller-up; found: ${*:-nothing}" ;;
esac
