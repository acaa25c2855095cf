//! The addresses of pages that are folded up in the navigation.

use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::HeaderMap;
use axum::routing::get;

use super::viewer::State;
use super::{Served, app, cost, renewal, reports, run};

type Of = State<Served>;

pub(super) fn routes() -> Router<Served> {
    Router::new()
        .route(
            "/reports",
            get(async |State(of): Of, headers: HeaderMap| reports::page(&of, &headers).await),
        )
        .route(
            "/reports/{file}",
            get(async |State(of): Of, Path(file): Path<String>| {
                reports::download(&of, &file).await
            }),
        )
        .route(
            "/report",
            get(async |State(of): Of, RawQuery(q): RawQuery| {
                reports::make(&of, q.as_deref()).await
            }),
        )
        .route(
            "/site/{name}/renewal",
            get(
                async |State(of): Of,
                       Path(name): Path<String>,
                       RawQuery(q): RawQuery,
                       headers: HeaderMap| {
                    renewal::page(&of, &headers, &name, q.as_deref()).await
                },
            ),
        )
        .route(
            "/site/{name}/cost",
            get(
                async |State(of): Of,
                       Path(name): Path<String>,
                       RawQuery(q): RawQuery,
                       headers: HeaderMap| {
                    cost::page(&of, &headers, &name, q.as_deref()).await
                },
            ),
        )
        .route(
            "/site/{name}/cost.csv",
            get(async |State(of): Of, Path(name): Path<String>, RawQuery(q): RawQuery| {
                cost::csv(&of, &name, q.as_deref()).await
            }),
        )
        .route(
            "/site/{name}/monitor-app",
            get(async |State(of): Of, Path(name): Path<String>, headers: HeaderMap| {
                app::page(&of, &headers, &name).await
            }),
        )
        .route(
            "/site/{name}/run/{run}",
            get(
                async |State(of): Of,
                       Path((name, run)): Path<(String, String)>,
                       RawQuery(q): RawQuery,
                       headers: HeaderMap| {
                    run::page(&of, &headers, (&name, &run), q.as_deref()).await
                },
            ),
        )
}
