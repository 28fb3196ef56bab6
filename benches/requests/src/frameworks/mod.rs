//! A file per framework. Each program answers `/` with the work that is measured, `/login`
//! by beginning a session, and `/count` with what `/` changes; a bare one only `/`. All run
//! on one thread.

mod actix_web;
mod actix_web_actix_session;
mod axum;
mod axum_private_cookie_jar;
mod axum_tower_sessions;
mod hyper;
mod poem;
mod rocket;
mod salvo;

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::{
    Result,
    program::{Framework, Program},
};

/// Serves until the process ends. The first line of output is where.
pub fn serve(program: &Program, address: SocketAddr, redis: Option<&str>) -> Result {
    match program.framework {
        Framework::ActixWeb => actix_web::serve(program, address),
        Framework::Axum => on_one_thread(axum::serve(program, address, redis)),
        Framework::Hyper => on_one_thread(hyper::serve(program, address)),
        Framework::Poem => on_one_thread(poem::serve(program, address)),
        Framework::Salvo => on_one_thread(salvo::serve(program, address)),
        Framework::Rocket => on_one_thread(rocket::serve(program, address)),
    }
}

fn on_one_thread(serve: impl Future<Output = Result>) -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve)
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).await?;
    announce(listener.local_addr()?);
    Ok(listener)
}

fn announce(address: SocketAddr) {
    println!("{address}");
}
