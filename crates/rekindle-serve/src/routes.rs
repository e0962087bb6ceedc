//! What there is at which address.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, Request, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    Asked, Code, Content, Explanation, FileFormat, Item, Problem, Taught,
    body::{self, Share, refused},
    gate::{self, Tally},
    host::{Host, Hosted},
    model::{Like, Named},
    parse,
    queue::{Answer, Together},
    teach::lesson_of,
    wire::{
        DataAnswer, DataBody, EmbedAnswer, ErrorAnswer, ItemsBody, ModelsAnswer, PredictAnswer,
        SimilarBody, TeachBody,
    },
};

/// Labels of an answer, where nothing else is asked for.
const TOP: usize = 5;
/// Neighbors, where nothing else is asked for.
const TOP_SIMILAR: usize = 10;

/// The addresses behind the gate.
pub(crate) fn router(host: Arc<Host>) -> Router {
    Router::new()
        .route("/", get(async |State(host): State<Arc<Host>>| host.index.response()))
        .route("/docs", get(async |State(host): State<Arc<Host>>| host.docs.response()))
        .route("/openapi.json", get(openapi))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/v1/models", get(models))
        .route("/v1/predict", post(predict))
        .route("/v1/embed", post(embed))
        .route("/v1/explain", post(explain))
        .route("/v1/similar", post(similar))
        .route("/v1/teach", post(teach))
        .route("/v1/teach/model", post(taught))
        .route("/v1/data", post(data))
        .fallback(async |request: Request| {
            let what = "there is nothing here; GET /docs says what there is";
            refused(request, Problem::new(Code::NotFound, what))
        })
        .method_not_allowed_fallback(async |request: Request| {
            let what = "not by this method; GET /docs says by which";
            refused(request, Problem::new(Code::MethodNotAllowed, what))
        })
        // Bodies are read by `body`, up to our own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(Arc::clone(&host), gate::pass))
        .with_state(host)
}

/// A request whose body has arrived.
struct Arrived {
    query: BTreeMap<String, String>,
    content_type: Option<String>,
    bytes: Bytes,
    tally: Tally,
    /// Until it is answered.
    _share: Share,
}

impl Arrived {
    async fn read(host: &Host, request: Request) -> Result<Self, Problem> {
        let query = Query::try_from_uri(request.uri());
        let query = query.map_err(|error| Problem::new(Code::BadRequest, error.to_string()))?;
        let headers = request.headers();
        let header = |name| headers.get(name).and_then(|it| it.to_str().ok());
        let content_type = header(header::CONTENT_TYPE).map(str::to_owned);
        let announced: Option<u64> = header(header::CONTENT_LENGTH).and_then(|it| it.parse().ok());
        let tally = request.extensions().get::<Tally>().cloned().unwrap_or_default();
        let whole = body::read(request.into_body(), announced, &host.limits, &host.bytes).await?;
        tally.note(|noted| noted.bytes = whole.bytes.len());
        Ok(Self { query: query.0, content_type, bytes: whole.bytes, tally, _share: whole.share })
    }

    /// Of the query, as a whole number.
    fn number(&self, name: &str) -> Result<Option<usize>, Problem> {
        let wrong = |_| Problem::of(Code::BadRequest, name, "is to be a whole number");
        self.query.get(name).map(|text| text.parse()).transpose().map_err(wrong)
    }

    /// Which model: the query says it, or the body.
    fn model<'a>(
        &self,
        host: &'a Host,
        body: Option<&str>,
        items: usize,
    ) -> Result<&'a Arc<Hosted>, Problem> {
        let hosted = host.model(self.query.get("model").map(String::as_str).or(body))?;
        self.tally.note(|noted| {
            noted.model = Some(hosted.name.clone());
            noted.items = items;
        });
        Ok(hosted)
    }

    /// The items, read on a thread that may take its time.
    async fn items(&self) -> Result<Asked, Problem> {
        let (content_type, bytes) = (self.content_type.clone(), self.bytes.clone());
        blocking(move || parse::asked(content_type.as_deref(), &bytes)).await
    }

    /// JSON alone, which a page of somebody else's cannot send without being asked first.
    async fn json<T: DeserializeOwned + Send + 'static>(&self) -> Result<T, Problem> {
        let kind = self.content_type.as_deref().unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let what = "this address takes the content type application/json alone";
            return Err(Problem::new(Code::UnsupportedMediaType, what));
        }
        let bytes = self.bytes.clone();
        blocking(move || parse::json(&bytes)).await
    }
}

/// Runs what takes longer than a thread of the network may.
async fn blocking<T: Send + 'static>(
    task: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(task).await.unwrap_or_else(|_| Err(Problem::internal()))
}

/// Looks at items before they wait.
async fn looked_at(hosted: &Hosted, items: Vec<Item>) -> Result<Vec<Item>, Problem> {
    let model = hosted.current();
    blocking(move || {
        items.iter().try_for_each(|item| model.look(item))?;
        Ok(items)
    })
    .await
}

fn answer(value: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(value).map_err(|_| Problem::internal())?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Whether the server answers.
#[utoipa::path(get, path = "/health", responses((status = 200, description = "It does."), (status = 503, description = "It is about to end.")))]
pub(crate) async fn health(State(host): State<Arc<Host>>) -> Response {
    let (status, word) = match host.is_stopping() {
        true => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        false => (StatusCode::OK, "ok"),
    };
    let body = json!({ "status": word }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Counters and histograms, for Prometheus.
#[utoipa::path(get, path = "/metrics", responses((status = 200, description = "As text.")))]
pub(crate) async fn metrics(State(host): State<Arc<Host>>) -> Response {
    let waiting: Vec<_> = host.models.iter().map(|it| (&*it.name, it.queue.len())).collect();
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], host.metrics.text(&waiting)).into_response()
}

async fn openapi(State(host): State<Arc<Host>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], host.openapi.clone()).into_response()
}

/// Which models there are, and what they can do.
#[utoipa::path(get, path = "/v1/models", responses((status = 200, description = "All of them, the one first that answers where none is named.", body = ModelsAnswer)))]
pub(crate) async fn models(State(host): State<Arc<Host>>) -> Result<Response, Problem> {
    let named = |it: &Arc<Hosted>| Named { name: it.name.clone(), about: it.current().about() };
    let models = host.models.iter().map(named).collect();
    answer(&ModelsAnswer { models, keeps: host.store.is_some() })
}

/// What is in pictures, what texts are about, what rows come to.
#[utoipa::path(post, path = "/v1/predict",
    params(("model" = Option<String>, Query, description = "Which model; the first unless said."), ("top" = Option<usize>, Query, description = "Most labels of an answer; 5 unless said.")),
    request_body(description = "Items: JSON, a picture or a text by itself, or a form of several.", content((ItemsBody = "application/json"), (Vec<u8> = "image/*"), (String = "text/plain"), (Vec<u8> = "multipart/form-data"))),
    responses((status = 200, description = "An answer an item, in order.", body = PredictAnswer), (status = "4XX", description = "What is wrong; one bad item refuses the request.", body = ErrorAnswer)))]
pub(crate) async fn predict(
    State(host): State<Arc<Host>>,
    request: Request,
) -> Result<Response, Problem> {
    let arrived = Arrived::read(&host, request).await?;
    let Asked { model, top, items } = arrived.items().await?;
    let hosted = arrived.model(&host, model.as_deref(), items.len())?;
    let top = arrived.number("top")?.or(top).unwrap_or(TOP);
    let items = looked_at(hosted, items).await?;
    let found = hosted.queue.together(Together::Predict { top }, items).await?;
    let predictions = found.into_iter().filter_map(|answer| match answer {
        Answer::Prediction(value) => Some(value),
        Answer::Embedding(_) => None,
    });
    answer(&PredictAnswer { model: hosted.name.clone(), predictions: predictions.collect() })
}

/// A vector an item, near each other where the items are alike to the model.
#[utoipa::path(post, path = "/v1/embed",
    params(("model" = Option<String>, Query, description = "Which model; the first unless said.")),
    request_body(description = "As of /v1/predict.", content((ItemsBody = "application/json"), (Vec<u8> = "image/*"), (String = "text/plain"), (Vec<u8> = "multipart/form-data"))),
    responses((status = 200, description = "A vector an item, in order.", body = EmbedAnswer), (status = "4XX", description = "What is wrong.", body = ErrorAnswer)))]
pub(crate) async fn embed(
    State(host): State<Arc<Host>>,
    request: Request,
) -> Result<Response, Problem> {
    let arrived = Arrived::read(&host, request).await?;
    let Asked { model, items, .. } = arrived.items().await?;
    let hosted = arrived.model(&host, model.as_deref(), items.len())?;
    let items = looked_at(hosted, items).await?;
    let found = hosted.queue.together(Together::Embed, items).await?;
    let embeddings: Vec<Vec<f32>> = found.into_iter().filter_map(vector).collect();
    let dim = embeddings.first().map_or(0, Vec::len);
    let model = hosted.name.clone();
    blocking(move || answer(&EmbedAnswer { model, dim, embeddings })).await
}

fn vector(answer: Answer) -> Option<Vec<f32>> {
    match answer {
        Answer::Embedding(row) => Some(row),
        Answer::Prediction(_) => None,
    }
}

/// What in a picture or a text spoke for a label.
#[utoipa::path(post, path = "/v1/explain",
    params(("model" = Option<String>, Query, description = "Which model; the first unless said."), ("label" = Option<String>, Query, description = "Which label, by name or number; the predicted one unless said.")),
    request_body(description = "As of /v1/predict, one item.", content((ItemsBody = "application/json"), (Vec<u8> = "image/*"), (String = "text/plain"))),
    responses((status = 200, description = "Places of the picture, or pieces of the text.", body = Explanation), (status = "4XX", description = "What is wrong.", body = ErrorAnswer)))]
pub(crate) async fn explain(
    State(host): State<Arc<Host>>,
    request: Request,
) -> Result<Response, Problem> {
    let arrived = Arrived::read(&host, request).await?;
    let Asked { model, items, .. } = arrived.items().await?;
    let hosted = arrived.model(&host, model.as_deref(), items.len())?;
    let mut items = looked_at(hosted, items).await?;
    let (Some(item), true) = (items.pop(), items.is_empty()) else {
        return Err(Problem::of(Code::TooManyItems, "items", "one is explained at a time"));
    };
    let label = arrived.query.get("label").cloned();
    let found = hosted.queue.alone(move |model| model.explain(&item, label.as_deref())).await?;
    with_model(hosted, &found)
}

/// An answer that says of which model it is.
fn with_model(hosted: &Hosted, value: &impl Serialize) -> Result<Response, Problem> {
    let mut value = serde_json::to_value(value).map_err(|_| Problem::internal())?;
    value["model"] = hosted.name.as_str().into();
    answer(&value)
}

/// The known items most like one, or like its embedding.
#[utoipa::path(post, path = "/v1/similar",
    params(("model" = Option<String>, Query, description = "Which model; the first unless said.")),
    request_body = SimilarBody,
    responses((status = 200, description = "`neighbors`, the nearest first.", body = [Like]), (status = "4XX", description = "What is wrong.", body = ErrorAnswer)))]
pub(crate) async fn similar(
    State(host): State<Arc<Host>>,
    request: Request,
) -> Result<Response, Problem> {
    let arrived = Arrived::read(&host, request).await?;
    let SimilarBody { model, top, embedding, item } = arrived.json().await?;
    let hosted = arrived.model(&host, model.as_deref(), 1)?;
    let row = match (embedding, item) {
        (Some(row), None) => row,
        (None, Some(body)) => {
            let item = blocking(move || parse::of_body("item", body)).await?;
            let items = looked_at(hosted, vec![item]).await?;
            let found = hosted.queue.together(Together::Embed, items).await?;
            found.into_iter().find_map(vector).ok_or_else(Problem::internal)?
        }
        _ => {
            let what = "is to have one of `embedding` and `item`";
            return Err(Problem::of(Code::BadRequest, "body", what));
        }
    };
    let top = arrived.number("top")?.or(top).unwrap_or(TOP_SIMILAR);
    let neighbors = hosted.queue.alone(move |model| model.similar(&row, top)).await?;
    answer(&json!({ "model": hosted.name, "neighbors": neighbors }))
}

/// Learns a head on embeddings, and says how well heads do on what they have not seen.
#[utoipa::path(post, path = "/v1/teach", request_body = TeachBody,
    responses((status = 200, description = "The head, of all examples.", body = Taught), (status = "4XX", description = "What is wrong.", body = ErrorAnswer)))]
pub(crate) async fn teach(
    State(host): State<Arc<Host>>,
    request: Request,
) -> Result<Response, Problem> {
    let arrived = Arrived::read(&host, request).await?;
    let (hosted, lesson) = lesson(&host, &arrived).await?;
    let found = hosted.queue.alone(move |model| model.teach(&lesson)).await?;
    with_model(hosted, &found)
}

async fn lesson<'a>(
    host: &'a Host,
    arrived: &Arrived,
) -> Result<(&'a Arc<Hosted>, crate::Lesson), Problem> {
    let body: TeachBody = arrived.json().await?;
    let hosted = arrived.model(host, body.model.as_deref(), body.examples.len())?;
    let about = hosted.current().about();
    if !about.teaches {
        return Err(Problem::not_supported("takes no other head"));
    }
    Ok((hosted, lesson_of(body, about.embed_dim)?))
}

/// The file of the model with a head that is learned on embeddings.
#[utoipa::path(post, path = "/v1/teach/model", request_body = TeachBody,
    params(("format" = Option<String>, Query, description = "`safetensors`, which timm loads, or `onnx`.")),
    responses((status = 200, description = "The file.", content_type = "application/octet-stream"), (status = "4XX", description = "What is wrong.", body = ErrorAnswer)))]
pub(crate) async fn taught(
    State(host): State<Arc<Host>>,
    request: Request,
) -> Result<Response, Problem> {
    let arrived = Arrived::read(&host, request).await?;
    let format = match arrived.query.get("format").map(String::as_str) {
        None | Some("safetensors") => FileFormat::Safetensors,
        Some("onnx") => FileFormat::Onnx,
        Some(_) => {
            let what = "is to be safetensors or onnx";
            return Err(Problem::of(Code::BadRequest, "format", what));
        }
    };
    let (hosted, lesson) = lesson(&host, &arrived).await?;
    let file = hosted.queue.alone(move |model| model.taught(&lesson, format)).await?;
    let disposition = match format {
        FileFormat::Safetensors => "attachment; filename=\"model.safetensors\"",
        FileFormat::Onnx => "attachment; filename=\"model.onnx\"",
    };
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, file).into_response())
}

/// Keeps an item in the folder of data that the server was started with.
#[utoipa::path(post, path = "/v1/data", request_body = DataBody,
    responses((status = 200, description = "Where it lies now.", body = DataAnswer), (status = 403, description = "There is no such folder.", body = ErrorAnswer), (status = "4XX", description = "What is wrong.", body = ErrorAnswer)))]
pub(crate) async fn data(
    State(host): State<Arc<Host>>,
    request: Request,
) -> Result<Response, Problem> {
    if host.store.is_none() {
        let what = "nothing is kept here; start the server with `--data DIR`";
        return Err(refused(request, Problem::new(Code::Forbidden, what)));
    }
    let arrived = Arrived::read(&host, request).await?;
    let DataBody { model, label, name, image, text } = arrived.json().await?;
    let model = arrived.model(&host, model.as_deref(), 1)?.current();
    let keeper = Arc::clone(&host);
    let stored = blocking(move || {
        let body = crate::wire::ItemBody { image, text, ..Default::default() };
        // Its fields are those of the body itself.
        let mut item = parse::of_body("", body)?;
        item.field = item.field.trim_start_matches('.').to_owned();
        let ending = model.ending(&item)?;
        let bytes = match &item.content {
            Content::Picture(bytes) => &bytes[..],
            Content::Text { text, .. } => text.as_bytes(),
            Content::Row(_) => return Err(Problem::internal()),
        };
        let store = keeper.store.as_ref().ok_or_else(Problem::internal)?;
        store.put(&label, name.as_deref(), ending, bytes)
    })
    .await?;
    answer(&DataAnswer { stored })
}
