//! The services that are judged.

use crate::called::named;
use crate::connection::Connections;
use crate::detect::words::service;
use crate::finding::Finding;
use crate::measure::count_of;
use crate::report::Report;
use crate::service::Service;

/// Services, each once: they come by bytes, by packets and by trouble.
pub fn services(report: &Report) -> impl Iterator<Item = &Service> {
    let tcp = &report.tcp;
    let lists = [&tcp.services.by_bytes, &tcp.services.by_packets, &tcp.troubled];
    let is_same = |one: &Service, other: &Service| (one.address, one.port) == (other.address, other.port);
    lists.into_iter().enumerate().flat_map(move |(place, list)| {
        let before =
            move |one: &Service| lists.iter().take(place).any(|list| list.iter().any(|other| is_same(one, other)));
        list.iter().filter(move |one| !before(one))
    })
}

/// How many connections were opened.
pub fn opened(connections: &Connections) -> u64 {
    let Connections { answered, refused, unanswered, .. } = *connections;
    answered.saturating_add(refused).saturating_add(unanswered)
}

/// `10.0.0.4:443`, `[2001:db8::1]:443`.
pub fn name(one: &Service) -> String {
    service(one.address, one.port)
}

/// `10.0.0.4:443 (shop.example, HTTPS)`, as far as its name and its use are known.
pub fn called(one: &Service) -> String {
    named(name(one), one.names.short().as_deref(), one.used_for())
}

/// Tells programs which service a finding is about.
pub fn about(finding: Finding, one: &Service) -> Finding {
    finding.with("service", name(one)).with_some("knownAs", one.names.text().as_deref())
}

/// A sentence on how many others there are of which a finding could be.
pub fn same_with(others: u64) -> String {
    match others {
        0 => String::new(),
        _ => format!(" It is the same with {}.", count_of(others, "other service", "other services")),
    }
}

/// The service of which something is worst, and how many others there are that suffer from the same.
pub struct Worst<'a> {
    pub service: &'a Service,
    pub others: u64,
}

impl Worst<'_> {
    /// Tells programs which service a finding is about, and of how many it is true.
    pub fn is_of(&self, finding: Finding) -> Finding {
        about(finding, self.service).with("services", self.others.saturating_add(1))
    }
}

/// The service of which a number is highest. The number is 0 where a finding could not be about it.
pub fn worst(report: &Report, badness: impl Fn(&Service) -> u64) -> Option<Worst<'_>> {
    let bad = || services(report).filter(|service| badness(service) > 0);
    let service = bad().max_by_key(|service| badness(service))?;
    Some(Worst { service, others: (bad().count() as u64).saturating_sub(1) })
}
