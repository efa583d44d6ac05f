# Keeps the agent of a node running: sh machine.sh PYTHON NODE_FOLDER
#
# An agent that ends with 0 was told to: the node is empty, and so is the machine's work. Any other end is followed
# by a new start after a pause that grows while agents end quickly.
export TRADEWIND_SUPERVISOR_PID=$$
pause=0.1
while :; do
    began=$(date +%s)
    "$1" -m tradewind.agent "$2" && exit 0
    if [ $(($(date +%s) - began)) -ge 10 ]; then
        pause=0.1
    elif [ "$pause" = 0.1 ]; then
        pause=1
    else
        pause=5
    fi
    sleep $pause
done
