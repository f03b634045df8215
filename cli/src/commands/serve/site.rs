//! What is served: the store, the gateway to it, and the S3 endpoint where the objects lie in a folder.

use super::ServeArgs;
use super::dispatch::Service;
use super::secrets::Secrets;
use super::settings::Settings;
use crate::context::Context;
use axum::http::HeaderName;
use icecore_core::{Error, Result, StoreId};
use icecore_gateway::api::Origins;
use icecore_gateway::token::{HttpFetch, Secret, TokenSettings, Verifier};
use icecore_gateway::{BucketAddress, Endpoint, Gateway, Keys, Limits, Presigner, router};
use icecore_s3::Cors;
use icecore_store::{Backend, Store};
use object_store::path::Path as ObjectPath;
use std::path::Path;
use std::sync::Arc;
use url::Url;

/// The bucket that the S3 endpoint shows.
const BUCKET: &str = "icecore";
/// Where in the served folder the objects lie.
const OBJECTS: &str = "store";
/// Segments and snapshots are held in memory on their way.
const BODY_MAX: u64 = 256 << 20;

/// What is served.
pub(super) struct Site {
    pub(super) store: Store,
    pub(super) store_id: StoreId,
    pub(super) service: Service,
    pub(super) location: String,
}

/// Opens the store, creating it where there is none, and builds what serves it.
pub(super) async fn open(args: &ServeArgs, context: &Context) -> Result<Site> {
    let settings = Settings::read(args.settings.as_deref())?;
    match (&args.dir, &args.s3) {
        (Some(folder), _) => of_folder(args, context, settings, folder).await,
        (None, Some(url)) => of_bucket(args, context, settings, url).await,
        (None, None) => {
            Err(Error::invalid("nothing is named to serve").with_hint("use --dir or --s3"))
        }
    }
}

async fn of_folder(
    args: &ServeArgs,
    context: &Context,
    mut settings: Settings,
    folder: &Path,
) -> Result<Site> {
    let objects = folder.join(OBJECTS);
    let place = objects.to_str().ok_or_else(|| {
        Error::invalid("the folder's name is no text").with_object(objects.display().to_string())
    })?;
    let backend = context.open_backend(place)?;
    let (store, store_id) = open_store(context, &backend).await?;
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
    let gateway = gateway(
        args,
        context,
        settings,
        (&store, Presigner::new(address, keys)),
    )?;
    let clock = Arc::clone(&context.clock);
    let endpoint = icecore_s3::Endpoint::builder(Arc::clone(&backend.store))
        .bucket_at(BUCKET, ObjectPath::default())
        .key(&secrets.access_key, &secrets.secret_key)
        .body_max(BODY_MAX)
        .now(move || clock.now());
    let endpoint = if args.allow_origin.is_empty() {
        endpoint
    } else {
        let cors = Cors::origins(args.allow_origin.clone());
        endpoint.cors(cors.expose(&HeaderName::from_static("x-amz-meta-author")))
    };
    Ok(Site {
        store,
        store_id,
        service: Service::new(router(&gateway), Some(endpoint.build())),
        location: folder.display().to_string(),
    })
}

async fn of_bucket(
    args: &ServeArgs,
    context: &Context,
    mut settings: Settings,
    url: &str,
) -> Result<Site> {
    let backend = context.open_backend(url)?;
    let variable = |name: &str| context.environment.get(name).map(String::as_str);
    if let Some(secret) = variable("ICECORE_TOKEN_SECRET") {
        settings.tokens.hs256_secrets.push(secret.parse()?);
    }
    check_tokens(&settings.tokens)?;
    let presigner = Presigner::new(bucket_address(url, variable)?, keys(variable)?);
    let (store, store_id) = open_store(context, &backend).await?;
    let gateway = gateway(args, context, settings, (&store, presigner))?;
    Ok(Site {
        store,
        store_id,
        service: Service::new(router(&gateway), None),
        location: backend.location().to_owned(),
    })
}

/// A gateway that takes no tokens is of no use.
fn check_tokens(tokens: &TokenSettings) -> Result<()> {
    let any = !tokens.hs256_secrets.is_empty()
        || !tokens.eddsa_public_keys.is_empty()
        || !tokens.issuers.is_empty();
    if any {
        return Ok(());
    }
    Err(Error::invalid("no tokens would be accepted").with_hint(
        "set ICECORE_TOKEN_SECRET (openssl rand -base64 48), or name keys or issuers in --settings",
    ))
}

fn bucket_address<'a>(
    url: &str,
    variable: impl Fn(&str) -> Option<&'a str>,
) -> Result<BucketAddress> {
    let wrong = || {
        Error::invalid(format!("{url:?} is no bucket")).with_hint("write it as s3://bucket/prefix")
    };
    let parsed = Url::parse(url).map_err(|e| wrong().with_source(e))?;
    if parsed.scheme() != "s3" {
        return Err(wrong());
    }
    let server = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
    let endpoint = match server {
        Some(server) => Endpoint::Server(
            Url::parse(server)
                .map_err(|e| Error::invalid("AWS_ENDPOINT_URL is no URL").with_source(e))?,
        ),
        None => Endpoint::Aws,
    };
    let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    Ok(BucketAddress {
        bucket: parsed.host_str().ok_or_else(wrong)?.to_owned(),
        region: region.unwrap_or("us-east-1").to_owned(),
        prefix: parsed.path().trim_matches('/').to_owned(),
        endpoint,
    })
}

fn keys<'a>(variable: impl Fn(&str) -> Option<&'a str>) -> Result<Keys> {
    match (
        variable("AWS_ACCESS_KEY_ID"),
        variable("AWS_SECRET_ACCESS_KEY"),
    ) {
        (Some(access), Some(secret)) => {
            Ok(Keys::new(access, secret, variable("AWS_SESSION_TOKEN")))
        }
        _ => Err(Error::denied("there are no credentials to sign with")
            .with_hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")),
    }
}

async fn open_store(context: &Context, backend: &Backend) -> Result<(Store, StoreId)> {
    let store = context.store_on(backend)?;
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
    settings: Settings,
    (store, presigner): (&Store, Presigner),
) -> Result<Gateway> {
    let fetch: Arc<dyn icecore_gateway::token::Fetch> =
        Arc::new(HttpFetch::new(Arc::clone(&context.clock))?);
    let verifier = Verifier::new(&settings.tokens, &fetch, Arc::clone(&context.clock))?;
    let limits = Limits::from(settings.limits);
    let gateway = Gateway::new(store.clone(), presigner, verifier, limits)
        .with_origins(Origins::new(args.allow_origin.clone())?);
    Ok(match &args.public_url {
        Some(url) => gateway.with_public_url(url),
        None => gateway,
    })
}
