//! What is served: the store, the gateway to it, and the S3 endpoint where the objects lie in a folder.

use super::ServeArgs;
use super::app::App;
use super::connections::Places;
use super::dispatch::Service;
use super::memory::Memory;
use super::metrics::Metrics;
use super::secrets::Secrets;
use crate::context::Context;
use crate::secrets::without_secrets;
use crate::system;
use icecore_core::{Error, Result, StoreId};
use icecore_gateway::api::Origins;
use icecore_gateway::token::{HttpFetch, Secret, Verifier};
use icecore_gateway::{
    BucketAddress, Endpoint, Gateway, Guests, Keys, Limits, Observer, Presigner, Settings, router,
};
use icecore_s3::{Cors, Memory as Bodies};
use icecore_store::backend::Folder;
use icecore_store::{Backend, Store};
use object_store::path::Path as ObjectPath;
use std::path::Path;
use std::sync::Arc;

/// The bucket that the S3 endpoint shows.
pub(super) const BUCKET: &str = "icecore";
/// Where in the served folder the objects lie.
const OBJECTS: &str = "store";
/// Connections at once, unless the settings say otherwise; of one address a quarter of them.
const CONNECTIONS: usize = 4_096;
/// Files that the server has open beside its connections.
const OTHER_FILES: u64 = 256;

/// What is served.
pub(super) struct Site {
    pub(super) store: Store,
    pub(super) backend: Backend,
    /// How many connections there may be.
    pub(super) places: Places,
    pub(super) store_id: StoreId,
    pub(super) service: Service,
    pub(super) location: String,
    pub(super) metrics: Arc<Metrics>,
}

/// Opens the store, creating it where there is none, and builds what serves it.
pub(super) async fn open(args: &ServeArgs, context: &Context, memory: Memory) -> Result<Site> {
    let settings = read_settings(args.settings.as_deref())?;
    let app = args
        .app
        .as_deref()
        .map(|folder| App::open(folder, Arc::clone(&context.clock)));
    let app = app.transpose()?;
    let site = of_place(args, context, (settings, memory)).await?;
    Ok(Site {
        service: site.service.with_app(app),
        ..site
    })
}

async fn of_place(
    args: &ServeArgs,
    context: &Context,
    (settings, memory): (Settings, Memory),
) -> Result<Site> {
    match (&args.dir, &args.s3) {
        (Some(folder), _) => of_folder(args, context, (settings, memory), folder).await,
        (None, Some(url)) => of_bucket(args, context, (settings, memory), url).await,
        (None, None) => {
            Err(Error::invalid("nothing is named to serve").with_hint("use --dir or --s3"))
        }
    }
}

/// Reads the file of `--settings`, if one is named.
fn read_settings(path: Option<&Path>) -> Result<Settings> {
    let Some(path) = path else {
        return Ok(Settings::default());
    };
    let json = std::fs::read(path).map_err(|e| {
        Error::invalid("the settings cannot be read")
            .with_object(path.display().to_string())
            .with_hint("check the argument of --settings")
            .with_source(e)
    })?;
    // Some editors begin a text with a byte order mark.
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&json);
    Settings::from_json(json).map_err(|e| e.with_object(path.display().to_string()))
}

async fn of_folder(
    args: &ServeArgs,
    context: &Context,
    (mut settings, memory): (Settings, Memory),
    folder: &Path,
) -> Result<Site> {
    let objects = folder.join(OBJECTS);
    let place = objects.to_str().ok_or_else(|| {
        Error::invalid("the folder's name is no text").with_object(objects.display().to_string())
    })?;
    let backend = context.open_backend(place)?;
    let (store, store_id) = open_store(context, &backend).await?;
    let places = places(&settings);
    let secrets = Secrets::open(folder, &*context.ids)?;
    let secret = Secret::from_base64(&secrets.token_secret)?;
    settings.tokens.hs256_secrets.push(secret);
    let address = BucketAddress {
        bucket: BUCKET.to_owned(),
        region: "us-east-1".to_owned(),
        prefix: String::new(),
        endpoint: Endpoint::Beside,
    };
    let keys = Keys::new(&secrets.access_key, &secrets.secret_key, None);
    let metrics = Arc::new(Metrics::new());
    let gateway = gateway(
        args,
        context,
        (settings, memory),
        (&store, Presigner::new(address, keys)),
    )?
    .with_observer(Arc::clone(&metrics) as Arc<dyn Observer>);
    let clock = Arc::clone(&context.clock);
    let files = Folder::new(&objects);
    let bodies = Arc::new(Bodies::new(memory.bodies()));
    let endpoint = icecore_s3::Endpoint::builder(Arc::clone(&backend.store))
        .bucket_at(BUCKET, ObjectPath::default())
        .key(&secrets.access_key, &secrets.secret_key)
        .body_max(memory.body())
        .memory(Arc::clone(&bodies))
        .now(move || clock.now())
        .delete_version(move |path, tag| {
            let folder = files.clone();
            async move { folder.delete_version(&path, &tag).await }
        });
    let endpoint = if args.allow_origin.is_empty() {
        endpoint
    } else {
        let cors = Cors::origins(args.allow_origin.clone());
        endpoint.cors(cors)
    };
    Ok(Site {
        store,
        backend,
        places,
        store_id,
        service: Service::new(
            router(&gateway),
            Some(endpoint.build()),
            Arc::clone(&metrics),
            bodies,
        ),
        location: folder.display().to_string(),
        metrics,
    })
}

async fn of_bucket(
    args: &ServeArgs,
    context: &Context,
    (mut settings, memory): (Settings, Memory),
    url: &str,
) -> Result<Site> {
    let backend = context.open_backend(url)?;
    let variable = |name: &str| context.environment.get(name).map(String::as_str);
    if let Some(secret) = variable("ICECORE_TOKEN_SECRET") {
        settings.tokens.hs256_secrets.push(secret.parse()?);
    }
    settings.check().map_err(|e| {
        e.with_hint("set ICECORE_TOKEN_SECRET (openssl rand -base64 48), or name keys or issuers in --settings")
    })?;
    let places = places(&settings);
    let presigner = Presigner::for_bucket(url, variable)?;
    let (store, store_id) = open_store(context, &backend).await?;
    let metrics = Arc::new(Metrics::new());
    let gateway = gateway(args, context, (settings, memory), (&store, presigner))?
        .with_observer(Arc::clone(&metrics) as Arc<dyn Observer>);
    let bodies = Arc::new(Bodies::new(memory.bodies()));
    Ok(Site {
        store,
        location: backend.location().to_owned(),
        backend,
        places,
        store_id,
        service: Service::new(router(&gateway), None, Arc::clone(&metrics), bodies),
        metrics,
    })
}

/// As many connections as the settings say, and as the system has files for.
fn places(settings: &Settings) -> Places {
    let limits = &settings.limits;
    let files = system::raise_file_limit();
    let files = files - OTHER_FILES.min(files / 2);
    let files = usize::try_from(files).unwrap_or(usize::MAX).max(1);
    let all = limits.connections.unwrap_or(CONNECTIONS).min(files);
    let per_address = limits.connections_per_address.unwrap_or(CONNECTIONS / 4);
    Places {
        all,
        per_address: per_address.clamp(1, all),
    }
}

async fn open_store(context: &Context, backend: &Backend) -> Result<(Store, StoreId)> {
    // Whoever serves a space, and rolls it up, need not read it.
    let store = without_secrets(&context.store_on(backend)?);
    match store.info().await {
        Ok(info) => return Ok((store, info.store)),
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    backend.prepare().await?;
    let (clock, ids) = (&*context.clock, &*context.ids);
    let checked =
        icecore_store::backend::probe(&*backend.store, &backend.prefix, clock, ids).await?;
    for warning in &checked.warnings {
        context.out.note(&format!("warning: {warning}"));
    }
    let info = store.create().await?;
    Ok((store, info.store))
}

fn gateway(
    args: &ServeArgs,
    context: &Context,
    (settings, memory): (Settings, Memory),
    (store, presigner): (&Store, Presigner),
) -> Result<Gateway> {
    let fetch: Arc<dyn icecore_gateway::token::Fetch> =
        Arc::new(HttpFetch::new(Arc::clone(&context.clock))?);
    let verifier = Verifier::new(&settings.tokens, &fetch, Arc::clone(&context.clock))?;
    let guests = Guests::from_settings(&settings)?;
    let limits = Limits::from(settings.limits);
    // What a call unpacks is within the limits too.
    let store = store
        .clone()
        .with_settings(memory.limit(&store.settings, 1));
    let gateway = Gateway::new(store, presigner, verifier, limits)
        .with_guests(guests)
        .with_own_threads()
        .with_origins(Origins::new(args.allow_origin.clone())?);
    Ok(match &args.public_url {
        Some(url) => gateway.with_public_url(url),
        None => gateway,
    })
}
