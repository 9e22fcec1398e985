//! The shared cases on a real runtime.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edgeway_corpus::{
    Kept, LoadedCase, Planted, Report, Request, Response, Runtime, Script, Verdict, compare_refusals, differences,
};
use gateway_core::config::{Variable, read_with};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::client::send;
use crate::h2;
use crate::runtimes::{Gateway, Host, NoGateway, Start};
use crate::upstream::Upstreams;

/// Plays `cases` on `host` and notes in `report` how each went.
///
/// Cases of one configuration share a gateway and come one after another; configurations run side by side.
pub(crate) async fn play_all(runtime: Runtime, host: &Arc<Host>, cases: &[LoadedCase], report: &mut Report) {
    let mut places: BTreeMap<(&str, &BTreeMap<String, String>), Vec<usize>> = BTreeMap::new();
    for (place, case) in cases.iter().enumerate() {
        match case.skipped_on(runtime) {
            Some(Some(reason)) => report.add(runtime, case, Verdict::Skipped(reason.to_owned())),
            Some(None) => report.add(runtime, case, Verdict::NotMeant),
            None if runtime == Runtime::NativeH2 && case.case.steps.is_empty() => {
                // A configuration is refused before anybody can speak HTTP/2.
                report.add(runtime, case, Verdict::NotMeant);
            }
            None if let Some(reason) = inexpressible(runtime, case) => {
                report.add(runtime, case, Verdict::Skipped(reason.to_owned()));
            }
            None => places.entry((&case.config, &case.case.secrets)).or_default().push(place),
        }
    }
    let mut groups = Vec::with_capacity(places.len());
    for ((config, secrets), places) in places {
        let cases: Vec<LoadedCase> = places.iter().map(|place| cases[*place].clone()).collect();
        // A configuration that is to be refused is handed over as it is, so that its mistakes keep their places.
        let refused = cases.iter().any(|case| !case.case.refused.is_empty());
        let authorities = if refused { Vec::new() } else { authorities(config) };
        let upstreams = Upstreams::start(&authorities).await.expect("ports on loopback");
        let start = Start { config: upstreams.place(config), secrets: secrets.clone() };
        groups.push(Group { places, cases, upstreams, start });
    }
    let starts: Vec<Start> = groups.iter().map(|group| group.start.clone()).collect();
    if let Err(error) = host.prepare(&starts).await {
        report.add_test(runtime, "start", "all configurations", Verdict::Failed(error));
        return;
    }

    let slots = Arc::new(Semaphore::new(host.width()));
    let mut running = JoinSet::new();
    for group in groups {
        let (host, slots) = (Arc::clone(host), Arc::clone(&slots));
        running.spawn(async move {
            let _slot = slots.acquire().await.expect("never closed");
            let verdicts = group.play(&host).await;
            group.places.into_iter().zip(verdicts).collect::<Vec<_>>()
        });
    }
    let mut verdicts: Vec<(usize, Verdict)> = Vec::new();
    while let Some(group) = running.join_next().await {
        verdicts.extend(group.expect("a group never panics"));
    }
    verdicts.sort_by_key(|(place, _)| *place);
    for (place, verdict) in verdicts {
        report.add(runtime, &cases[place], verdict);
    }
}

/// Why the client of `runtime` can't send the requests of `case`.
fn inexpressible(runtime: Runtime, case: &LoadedCase) -> Option<&'static str> {
    let requests = case.case.steps.iter().map(|step| &step.request);
    if runtime != Runtime::Workerd && requests.clone().any(|request| request.cf.is_some()) {
        return Some("only Cloudflare's edge says where clients are");
    }
    if runtime == Runtime::NativeH2 { requests.filter_map(|request| h2::message(request).err()).next() } else { None }
}

/// The cases of one configuration.
struct Group {
    /// Where they are among all cases.
    places: Vec<usize>,
    cases: Vec<LoadedCase>,
    upstreams: Upstreams,
    start: Start,
}

impl Group {
    /// A verdict for each case.
    async fn play(&self, host: &Host) -> Vec<Verdict> {
        let gateway = match host.serve(&self.start).await {
            Ok(gateway) => Ok(gateway),
            Err(NoGateway::Refused(said)) => Err(said),
            Err(NoGateway::Failed(why)) => return self.cases.iter().map(|_| Verdict::Failed(why.clone())).collect(),
        };
        let mut verdicts = Vec::with_capacity(self.cases.len());
        let mut sown = Vec::with_capacity(self.cases.len());
        for case in &self.cases {
            let begun = now();
            let planted = Planted::of(&case.case, begun);
            let played = match (&gateway, case.case.refused.as_slice()) {
                (Ok(gateway), []) => play(gateway, &self.upstreams, case, (begun, &planted)).await,
                (Ok(_), _) => Err("the configuration was accepted".to_owned()),
                (Err(said), refused) => compare_refusals(said, refused),
            };
            verdicts.push(match played {
                Ok(()) => Verdict::Passed,
                Err(why) => Verdict::Failed(format!("{why}\n  {}", case.case.cite)),
            });
            sown.push(planted);
        }
        let printed = match &gateway {
            Ok(gateway) => gateway.printed().await,
            Err(_) => String::new(),
        };
        for (verdict, planted) in verdicts.iter_mut().zip(sown) {
            let leaks = planted.in_log(&printed, false);
            if *verdict == Verdict::Passed && !leaks.is_empty() {
                *verdict = Verdict::Failed(leaks.join("\n"));
            }
        }
        verdicts
    }
}

/// The authorities of the configuration's upstreams under `.test`.
pub(crate) fn authorities(config: &str) -> Vec<String> {
    // An address may stand in a default.
    let Ok(config) = read_with(config, &|_| Variable::Set(String::new())) else { return Vec::new() };
    let urls = config.upstreams.iter().flat_map(|(_, upstream)| {
        upstream.url.iter().chain(&upstream.urls).chain(upstream.targets.iter().map(|target| &target.url))
    });
    let mut found: Vec<String> = urls
        .filter_map(|url| url.strip_prefix("http://"))
        .map(|rest| rest.split('/').next().unwrap_or_default().to_owned())
        .filter(|authority| authority.split(':').next().is_some_and(|host| host.ends_with(".test")))
        .filter(|authority| !authority.contains(['@', '?']) && authority != "unresolved.test")
        .collect();
    found.sort();
    found.dedup();
    found
}

async fn play(
    gateway: &Gateway,
    upstreams: &Upstreams,
    case: &LoadedCase,
    (begun, planted): (i64, &Planted),
) -> Result<(), String> {
    let mut kept = Kept::default();
    for (number, step) in case.case.steps.iter().enumerate() {
        tokio::time::sleep(step.after.unwrap_or_default()).await;
        let (script, services) = (Script::of(step), kept.services(&case.case, step, begun));
        let replies = script.clone();
        let places = upstreams.places().to_vec();
        let where_is = move |authority: &str| {
            let (_, address) = places.iter().find(|(known, _)| known == authority).expect("an upstream of the file");
            (address.ip().to_string(), address.port())
        };
        let placing = where_is.clone();
        upstreams.set_script(move |call| {
            services.reply(call).map_or_else(|| replies.reply(call), |reply| reply.placed(&placing))
        });
        for time in 0..step.times {
            script.restart();
            upstreams.take_calls();
            let request = &step.request;
            let again = if step.times > 1 { format!(", time {}", time + 1) } else { String::new() };
            let place = format!("step {}{again}: {} {}", number + 1, request.method, request.url);
            let mut sent = Request::placed(kept.request(&case.case, step, begun), &where_is);
            if let Some(edge) = sent.cf.clone() {
                // Read by what plays the edge in front of the Worker.
                sent.to_mut().headers.push(("x-test-cf".to_owned(), serde_json::json!(edge).to_string()));
            }
            let response = send(gateway, &sent).await.map_err(|error| format!("{place}\n  {error}"))?;
            let mut calls = upstreams.take_calls();
            step.services.take_fetched(&mut calls);
            // What is sent behind the answer takes a moment.
            let deadline = tokio::time::Instant::now() + Duration::from_secs(2);
            while step.expect.calls.is_some_and(|expected| calls.len() < expected)
                && tokio::time::Instant::now() < deadline
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
                let mut further = upstreams.take_calls();
                step.services.take_fetched(&mut further);
                calls.append(&mut further);
            }
            let mut wrong = differences(&step.expect, &response, &calls);
            wrong.extend(without_identifier(&response));
            wrong.extend(planted.in_response(&response));
            wrong.extend(kept.take(&case.case, step, &sent, &response).err());
            if !wrong.is_empty() {
                return Err(format!("{place}\n  {}", wrong.join("\n  ")));
            }
        }
    }
    Ok(())
}

/// The seconds since 1970, which the runtimes know from the same clock.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set");
    i64::try_from(since.as_secs()).expect("a time within reach")
}

/// What holds for every response that the gateway makes. A server may refuse what is not HTTP before the gateway sees it,
/// with an answer that is then no problem of the gateway's (RFC 9457).
fn without_identifier(response: &Response) -> Option<String> {
    let count = response.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-request-id")).count();
    let is_problem = response.headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("content-type") && value.starts_with("application/problem+json")
    });
    let by_server = matches!(response.status, 400 | 414 | 431 | 501) && !is_problem;
    (count != 1 && !by_server).then(|| format!("the response has {count} x-request-id lines"))
}
