//! `edgeway explain METHOD URL`: the gateway's treatment of a request, with the reasons.
//!
//! The request runs through the executor that serves; only the ports differ. They record instead of calling, so no
//! upstream is called and no counter moves.

mod hops;
mod platform;
mod reason;
mod render;
mod report;
mod split;
mod step;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;
use gateway_core::body::Body;
use gateway_core::gateway::{Gateway, Reply};
use gateway_core::http::certificate::Certificate;
use gateway_core::http::geography::Geography;
use gateway_core::plan::Plan;
use gateway_core::ports::{Peer, Scheme};
use gateway_core::trace::Trace;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderName, HeaderValue, Method, Request, Uri};

pub(crate) use hops::{Hop, Redirects};
use platform::DryRun;
pub(crate) use platform::Stated;
pub(crate) use render::render;
pub(crate) use report::{Report, report};

use crate::cli::target::Target;

/// The request to explain.
pub(crate) struct Question {
    pub(crate) method: Method,
    /// The URL, absolute, so that it states the host and the scheme.
    pub(crate) url: Uri,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The address of the client's connection.
    pub(crate) client: IpAddr,
    /// Where that is, as Cloudflare's edge would say.
    pub(crate) geography: Geography,
    /// The certificate that the client has shown.
    pub(crate) certificate: Option<Arc<Certificate>>,
    /// The target of a split to follow, by its upstream's name.
    pub(crate) upstream: Option<String>,
    /// The content; none if nothing is said of it.
    pub(crate) content: Option<Bytes>,
    /// The upstream's answer; none if nothing is said of it.
    pub(crate) answer: Option<Stated>,
    /// The platform that it is asked about.
    pub(crate) target: Target,
}

impl Question {
    /// Reads the command line's words.
    ///
    /// # Errors
    /// The wrong word, with the reason.
    pub(crate) fn parse(method: &str, url: &str, fields: &[String], client: Option<&str>) -> Result<Self, String> {
        let upper = method.to_ascii_uppercase();
        // RFC 9110 §9.1: methods are case-sensitive, and those of the registry are written in capitals.
        if upper != method && matches!(&*upper, "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH") {
            return Err(format!("`{method}` is not `{upper}`: methods are case-sensitive; write `{upper}`"));
        }
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| format!("`{method}` is not a method"))?;
        let absolute = if url.starts_with('/') { format!("http://localhost{url}") } else { url.to_owned() };
        let no_url = || format!("`{url}` is neither a URL nor a path: write `http://localhost/users` or `/users`");
        let parsed: Uri = absolute.parse().map_err(|_| no_url())?;
        if parsed.authority().is_none() || !matches!(parsed.scheme_str(), Some("http" | "https")) {
            return Err(no_url());
        }
        let headers = fields.iter().map(|field| parse_field(field)).collect::<Result<_, _>>()?;
        let client = match client {
            Some(text) => text.parse().map_err(|_| format!("`{text}` is not an address"))?,
            None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        Ok(Self {
            method,
            url: parsed,
            headers,
            client,
            geography: Geography::UNKNOWN,
            certificate: None,
            upstream: None,
            content: None,
            answer: None,
            target: Target::Native,
        })
    }

    /// The question with where the client is, by the command line's words.
    ///
    /// # Errors
    /// The wrong word, with the reason.
    pub(crate) fn located(self, country: Option<&str>, asn: Option<&str>) -> Result<Self, String> {
        let (country, asn) = (country.unwrap_or_default(), asn.unwrap_or_default());
        let geography = Geography::read(country.as_bytes(), asn.as_bytes());
        if geography.country.is_none() && !country.is_empty() && !country.eq_ignore_ascii_case("XX") {
            return Err(format!("`{country}` is no country's code: write two letters, such as `DE`"));
        }
        if geography.asn.is_none() && !asn.is_empty() {
            return Err(format!("`{asn}` is no number of an autonomous system: write one such as `64500`"));
        }
        Ok(Self { geography, ..self })
    }

    /// A request without fields, from a client of no network in particular (RFC 5737).
    pub(crate) const fn plain(method: Method, url: Uri) -> Self {
        let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        Self {
            method,
            url,
            headers: Vec::new(),
            client,
            geography: Geography::UNKNOWN,
            certificate: None,
            upstream: None,
            content: None,
            answer: None,
            target: Target::Native,
        }
    }

    /// The question of a request of a batch that this one asks about.
    fn part(&self, request: &Request<()>) -> Option<Self> {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let authority = host.or_else(|| self.url.authority().map(Authority::as_str))?;
        let url = format!("{}://{authority}{}", self.url.scheme_str().unwrap_or("http"), request.uri());
        Some(Self {
            method: request.method().clone(),
            url: url.parse().ok()?,
            headers: request.headers().iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            client: self.client,
            geography: self.geography,
            certificate: self.certificate.clone(),
            upstream: None,
            // All of it is known.
            content: Some(Bytes::new()),
            answer: self.answer.clone(),
            target: self.target,
        })
    }

    /// The request as a server would see it.
    pub(crate) fn request(&self) -> Request<Body<Bytes>> {
        let content = self.content.clone().filter(|content| !content.is_empty());
        // As a server has it, so that its bounds hold.
        let mut request = Request::new(content.map_or(Body::Empty, Body::Stream));
        *request.method_mut() = self.method.clone();
        if let Some(target) = self.url.path_and_query() {
            *request.uri_mut() = Uri::from(target.clone());
        }
        let authority = self.url.authority().and_then(|a| HeaderValue::from_str(a.as_str()).ok());
        for (name, value) in &self.headers {
            request.headers_mut().append(name.clone(), value.clone());
        }
        if !request.headers().contains_key(HOST) {
            request.headers_mut().extend(authority.map(|authority| (HOST, authority)));
        }
        let has_length = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| request.headers().contains_key(name));
        if let Some(content) = self.content.as_ref().filter(|_| !has_length) {
            request.headers_mut().insert(CONTENT_LENGTH, content.len().into());
        }
        request
    }

    /// The connection that it comes by.
    pub(crate) fn peer(&self) -> Peer {
        let scheme = if self.url.scheme_str() == Some("https") { Scheme::Https } else { Scheme::Http };
        Peer::new(Some(self.client), scheme).located(self.geography).with_certificate(self.certificate.clone())
    }
}

fn parse_field(field: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) =
        field.split_once(':').ok_or_else(|| format!("`{field}` is not a header: write `Name: value`"))?;
    let name = HeaderName::try_from(name.trim()).map_err(|_| format!("`{name}` is not a header name"))?;
    let value = HeaderValue::try_from(value.trim()).map_err(|_| format!("`{name}` has an impossible value"))?;
    Ok((name, value))
}

/// Runs `question` through `plan`.
///
/// # Errors
/// The question asks for an upstream that the route does not choose among.
pub(crate) async fn explain(plan: Arc<Plan>, question: &Question) -> Result<Report, String> {
    let first = run(&plan, question, DryRun::of(&plan, question.answer.clone())).await;
    let Some(route) = first.route_index else {
        return question.upstream.as_ref().map_or(Ok(first), |_| Err("no route takes the request".to_owned()));
    };
    if let Some(upstream) = &first.steered_to {
        return match &question.upstream {
            Some(wanted) if wanted != upstream => {
                Err(format!("the caller is steered to `{upstream}`, not to `{wanted}`"))
            }
            _ => Ok(first),
        };
    }
    let split = plan.routes.get(route).map_or_else(Vec::new, |route| split::shares(&plan, route));
    let Some(choice) = split::choose(&split, question.upstream.as_deref())? else { return Ok(first) };
    let mut report =
        run(&plan, question, DryRun { draw: Some(choice.draw), ..DryRun::of(&plan, question.answer.clone()) }).await;
    report.split = split;
    if let Some(share) = report.split.get_mut(choice.share) {
        share.shown = true;
    }
    Ok(report)
}

async fn run(plan: &Arc<Plan>, question: &Question, platform: DryRun) -> Report {
    let gateway = Gateway::new(Arc::clone(plan), platform);
    let mut trace = Trace::default();
    let (request, peer) = (question.request(), question.peer());
    let mut record = gateway.begin(&request, &peer);
    match gateway.handle_traced(request, &peer, &mut record, &mut trace).await.reply {
        Reply::Http(response) => report(plan, question, &trace, &response),
        Reply::Upgrade(_, never) => match never {},
    }
}
