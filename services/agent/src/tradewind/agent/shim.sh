# Holds the commands of one rank, so that they outlive the agent. Run in a session of its own, as
#     sh shim.sh RANK_FOLDER NAME SCRIPT
# with no input, and both outputs at the rank's log.
#
# NAME.pid is there before the commands begin, NAME.exit after they have ended; each is whole once it ends with
# a newline. Nobody replaces NAME.pid: if the agent was there first, it has given this launch up.
folder=$1 name=$2 script=$3

# The log is the commands' own: that one of them was terminated is for the agent to say, not for this shell.
exec 3>&2 2>/dev/null

# A stop reaches the whole session; we stay to write down how the commands end.
trap : HUP INT QUIT TERM

# Which process we are: /proc/PID/stat has the start time as its 22nd field, the 20th after the name.
read -r boot </proc/sys/kernel/random/boot_id
read -r stat </proc/$$/stat
set -- ${stat##*) }
set -C
echo "$$ $boot/${20}" >"$folder/$name.pid" || exit 125
set +C

cd "$folder/workdir" || exit 125
if command -v bash >/dev/null; then
    bash "$script" 2>&3 3>&-
else
    sh "$script" 2>&3 3>&-
fi
echo "$?" >"$folder/$name.exit"
