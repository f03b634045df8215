//! Python programs in virtual environments of their own, below `target/tools/`.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::python;
use crate::run::{Failure, Outcome, output_of, retried, run, tools, workspace};

/// What to install, and where.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The folder below `target/tools/`, and the name in messages.
    pub(crate) name: &'static str,
    /// The file with every package pinned, from the top of the workspace.
    pub(crate) requirements: &'static str,
    /// Fails if the installation is not whole.
    pub(crate) probe: &'static str,
}

/// An environment with everything in it.
#[derive(Debug)]
pub(crate) struct Environment {
    folder: PathBuf,
}

impl Wanted {
    /// Installs, unless this very set of packages is there already.
    pub(crate) fn install(&self) -> Outcome<Environment> {
        let name = self.name;
        let folder = tools().join(name);
        let what = || Failure::while_doing(format!("preparing target/tools/{name}"));
        fs::create_dir_all(&folder).map_err(what())?;
        // Held to the end: of two runs at once, the second waits and then finds everything there.
        let lock = File::create(folder.join("lock")).map_err(what())?;
        lock.lock().map_err(what())?;

        let requirements = workspace().join(self.requirements);
        let set = fs::read_to_string(&requirements).map_err(what())?;
        // A copy of the requirements says that they are installed.
        let stamp = folder.join("installed.txt");
        let environment = Environment {
            folder: folder.join("venv"),
        };
        let same = fs::read_to_string(&stamp).is_ok_and(|installed| installed == set);
        if same && self.works(&environment) {
            println!("{name} is installed");
            return Ok(environment);
        }
        let base = python::find()?;
        if environment.folder.exists() {
            fs::remove_dir_all(&environment.folder).map_err(what())?;
        }
        println!("installing {name} into target/tools/{name}");
        run(Command::new(base)
            .args(["-I", "-m", "venv"])
            .arg(&environment.folder)
            .stdin(Stdio::null()))?;
        retried(|| {
            run(Command::new(environment.program("python"))
                .args(["-I", "-m", "pip", "install", "--quiet", "--no-input"])
                // What is run is compiled then; most of it never is.
                .arg("--no-compile")
                .args(["--disable-pip-version-check", "--retries", "5"])
                .arg("--requirement")
                .arg(&requirements)
                .stdin(Stdio::null()))
        })?;
        if !self.works(&environment) {
            return Err(Failure::new(format!(
                "{name} was installed but cannot be imported"
            )));
        }
        fs::write(&stamp, set).map_err(what())?;
        Ok(environment)
    }

    fn works(&self, environment: &Environment) -> bool {
        let mut python = Command::new(environment.program("python"));
        output_of(python.args(["-I", "-c", self.probe])).is_some()
    }
}

impl Environment {
    /// One of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs().join(name)
    }

    /// The folder of its programs, for `PATH`.
    pub(crate) fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }
}
