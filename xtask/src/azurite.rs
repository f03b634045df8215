//! Azurite: Microsoft's own emulator of Azure Blob Storage, with a Node.js to run it.

use crate::node::Node;
use crate::run::{Outcome, workspace};
use crate::server::{Launch, Server};

/// The container that a server has from the start.
const CONTAINER: &str = "icecore";
/// The name of its folder, and in messages.
const NAME: &str = "azurite";

/// An Azurite that can be started.
#[derive(Debug)]
pub(crate) struct Installed {
    node: Node,
}

/// Installs Azurite, unless this very set of packages is there already.
pub(crate) fn install(node: &Node) -> Outcome<Installed> {
    node.packages("xtask/azurite", "azurite/modules")?;
    let node = node.clone();
    Ok(Installed { node })
}

/// Starts a server, its state in memory, with a container.
pub(crate) fn start(installed: &Installed) -> Outcome<Server> {
    Server::start(&Launch {
        name: NAME,
        command: &|folder, port| {
            let mut command = installed
                .node
                .run(workspace().join("xtask/azurite/serve.js"));
            command.arg(folder).arg(port.to_string()).arg(CONTAINER);
            command
        },
        is_ready: &|_, log| log.contains("the container is there"),
    })
}

/// Runs a server until it or this command is stopped, and prints how to use it.
pub(crate) fn foreground() -> Outcome {
    let installed = install(&Node::install()?)?;
    let server = start(&installed)?;
    println!("Azure's emulator, its state in memory, until Ctrl-C; for another terminal:\n");
    println!("export AZURITE_BLOB_STORAGE_URL={}", server.address());
    println!("export AZURE_STORAGE_USE_EMULATOR=true ICECORE_STORE=az://{CONTAINER}/store\n");
    server.wait()
}
