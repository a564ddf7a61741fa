//! Gives the addresses of a report their names, or takes out of it whatever somebody has said by name.

use crate::host_names::HostNames;
use crate::report::Report;

/// Names all addresses that are shown.
pub(crate) fn name_addresses(report: &mut Report, hosts: &HostNames) {
    report.endpoints.rows_mut().for_each(|endpoint| endpoint.names = hosts.of(endpoint.address));
    report.conversations.rows_mut().for_each(|conversation| {
        conversation.source_names = hosts.of(conversation.source);
        let (destination, port) = (conversation.destination, conversation.destination_port);
        conversation.destination_names =
            if port == 0 { hosts.of(destination) } else { hosts.of_service(destination, port) };
    });
    let tcp = &mut report.tcp;
    let services = tcp.services.rows_mut().chain(&mut tcp.troubled);
    services.for_each(|service| service.names = hosts.of_service(service.address, service.port));
    tcp.clients.iter_mut().for_each(|client| {
        client.names = hosts.of(client.address);
        client.only_host_names = client.only_host.map(|host| hosts.of(host)).unwrap_or_default();
    });
    report.dns.servers.rows_mut().for_each(|server| server.names = hosts.of(server.address));
    let icmp = &mut report.icmp;
    let destinations = icmp.unreachable_destinations.names.iter_mut().chain(&mut icmp.too_big_destinations.names);
    let destinations = destinations.chain(&mut icmp.silent_to_pings);
    destinations.for_each(|destination| destination.names = hosts.of(destination.address));
}

/// Leaves out what was said by name: in DNS, TLS, QUIC and HTTP. How many names there were stays.
pub(crate) fn leave_out_names(report: &mut Report) {
    report.names_left_out = true;
    let dns = &mut report.dns;
    dns.names.names.clear();
    (dns.most_unknown, dns.most_errors) = (None, None);
    dns.lost_zone.iter_mut().for_each(|lost| (lost.zone, lost.most_asked) = (None, None));
    report.tls.server_names.names.clear();
    report.quic.server_names.names.clear();
    report.http.hosts.names.clear();
    let tcp = &mut report.tcp;
    tcp.services.rows_mut().chain(&mut tcp.troubled).for_each(|service| service.server_name = None);
}
