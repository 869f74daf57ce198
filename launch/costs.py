"""What still costs money, from what gcloud lists."""

from launch import commands
from Schema import InputError

OVER = ("PREEMPTED", "TERMINATED", "DELETING", "HIDDEN")
WAITING = ("CREATING", "ACCEPTED", "WAITING_FOR_RESOURCES", "PROVISIONING")


def base(name):
    """Last part of a resource's full name."""
    return str(name).rpartition("/")[2]


def rows(queue, nodes):
    """Lines about everything that is there.

    Args:
      queue: JSON list of queued resources.
      nodes: JSON list of TPU VMs.

    Returns:
      (number of things that cost money, lines).
    """
    lines, count, held = [], 0, set()
    for node in nodes:
        name, state = base(node["name"]), node.get("state", "?")
        held.add(base(node.get("queuedResource") or name))
        told = "costs nothing any more"
        if state in ("STOPPED", "STOPPING"):
            told = "its disk costs money, until it is deleted"
            count += 1
        elif state not in OVER:
            told = "COSTS MONEY each second, whether it trains or not, until deleted"
            count += 1
        disks = [base(disk.get("sourceDisk")) for disk in node.get("dataDisks", ())]
        if disks:
            told += f"; its data disk {' '.join(disks)} also after that"
        lines.append(f"  {name}  {base(node.get('acceleratorType'))}  {state}  {told}")
    for request in queue:
        name = base(request["name"])
        state = request.get("state", {}).get("state", "?")
        if state in WAITING:
            told = "costs nothing yet, and money as soon as its turn comes"
            count += 1
        elif state == "ACTIVE" and name in held:
            continue
        else:
            told = "costs nothing, but counts against the quota until deleted"
        lines.append(f"  {name}  in the queue  {state}  {told}")
    return count, lines


def tell(cloud, node):
    """Prints what costs money in the node's zone; never fails."""
    kinds = ("queued-resources", "tpu-vm")
    try:
        listed = [cloud.ask(commands.listing(node, kind)) or [] for kind in kinds]
    except InputError as error:
        print(f"costs   unknown, for the list failed: {error}")
        return
    if cloud.dry_run:
        return
    count, lines = rows(*listed)
    where = {None: "gcloud's zone", "-": "all zones"}.get(
        node.zone, f"zone {node.zone}"
    )
    if count:
        print(f"costs   {count} in {where} that cost money or will:")
    else:
        print(f"costs   no TPU in {where} costs money; `ls --zone=-` looks in all")
    print("\n".join(lines), end="\n" if lines else "")
    if lines:
        print("        `python launch/tpu.py delete --name=NAME` ends it")
