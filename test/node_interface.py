"""A node's entry in the interface file beside what the running node has and what is shipped."""

from pathlib import Path

import yaml

import surgical_perception
from surgical_perception import parameters

ROOT = Path(__file__).resolve().parents[1]
LISTED = yaml.safe_load((Path(surgical_perception.__file__).parent / 'interface.yaml').read_text())


class NodeInterface:
    """The public interface of one node as interface.yaml lists it."""

    def __init__(self, name):
        self.name = name
        self.listed = LISTED[name]
        # Entities that rclpy gives to every node, and the inputs of every lifecycle node's clock.
        self._of_ros = ('/parameter_events', '/rosout', '/clock', f'/{name}/transition_event')

    def resolved(self, topic):
        """Return the full name of a listed topic or service."""
        if topic.startswith('~'):
            return f'/{self.name}{topic[1:]}'
        return topic if topic.startswith('/') else f'/{topic}'

    def expected(self, *kinds):
        """Return {resolved topic: (type, reliability, durability)} of the interface file."""
        return {
            self.resolved(name): (q['type'], q['reliability'], q.get('durability', 'volatile'))
            for kind in kinds
            for name, q in self.listed[kind].items()
        }

    def found(self, peer, infos):
        """Return the same of the running node, by its endpoints."""
        return {
            topic: (
                info.topic_type,
                info.qos_profile.reliability.name.lower(),
                info.qos_profile.durability.name.lower(),
            )
            for topic, _ in peer.get_topic_names_and_types()
            if topic not in self._of_ros
            for info in infos(topic)
            if info.node_name == self.name
        }

    def assert_topics(self, harness, subscriptions=('subscriptions',)):
        """Compare topics, types and QoS of the running node."""
        peer = harness.peer
        wanted, published = self.expected(*subscriptions), self.expected('publishers')
        harness.wait(lambda: self.found(peer, peer.get_subscriptions_info_by_topic) == wanted)
        harness.wait(lambda: self.found(peer, peer.get_publishers_info_by_topic) == published)
        depths = {
            s.topic_name: s.qos_profile.depth
            for s in [*harness.node.subscriptions, *harness.node.publishers]
            if s.topic_name not in self._of_ros
        }
        for kind in (*subscriptions, 'publishers'):
            for name, q in self.listed[kind].items():
                if not name.startswith('/tf'):  # both published and subscribed, in two depths
                    assert depths[self.resolved(name)] == q['depth'], name

    def assert_services(self, harness):
        """Compare the services of the running node, without those that rclpy adds to each."""
        offered = {
            name: types[0]
            for name, types in harness.peer.get_service_names_and_types()
            if name.startswith(f'/{self.name}/')
        }
        for name, service in self.listed['services'].items():
            assert offered.get(self.resolved(name)) == service['type']
        own = {
            n
            for n in offered
            if not n.endswith(('parameters', 'parameter_types', 'atomically', 'description'))
        }
        lifecycle = {n for n in own if 'available' in n or 'transition_graph' in n}
        assert own - lifecycle == {self.resolved(name) for name in self.listed['services']}

    def assert_status_and_diagnostics(self, status, diagnostics):
        """Compare the keys of a DiagnosticStatus and the parts of a DiagnosticArray."""
        assert [v.key for v in status.values] == self.listed['status_values']
        parts = [part.name.removeprefix(f'{self.name}: ') for part in diagnostics.status]
        assert parts == self.listed['diagnostics']

    def assert_parameters(self, node, cls):
        """Compare the parameters of the running node with the list, and return their schema."""
        schema = parameters.flatten(cls)
        assert list(schema) == self.listed['parameters']
        for name, default in self.listed['frames'].items():
            assert schema[name].default == default
        declared = set(node.get_parameters_by_prefix(''))
        of_ros = {'use_sim_time', 'start_type_description_service'}
        assert {n for n in declared - of_ros if not n.startswith('qos_overrides.')} == set(schema)
        return schema

    def shown_by_rviz(self, path, types):
        """
        Return {topic: display class} of an RViz file, each checked against its listed endpoint.

        types   {display class: message type}
        """
        rviz = yaml.safe_load((ROOT / path).read_text())['Visualization Manager']
        listed = self.expected('subscriptions') | self.expected('publishers')
        shown = {}
        for display in rviz['Displays'] + rviz['Tools']:
            if 'Topic' not in display:
                continue
            topic = display['Topic']
            kind, reliability, durability = listed[topic['Value']]
            assert types[display['Class']] == kind
            policy = topic['Reliability Policy'].lower().replace(' ', '_')
            # What only listens may ask for less than is offered, never for more.
            assert policy in (reliability, 'best_effort')
            assert topic['Durability Policy'].lower().replace(' ', '_') == durability
            shown[topic['Value']] = display['Class']
        return shown


def shipped_values(path):
    """Return {dotted name: value} of a parameter file."""
    flat = {}

    def walk(block, prefix=''):
        for key, value in block.items():
            if isinstance(value, dict):
                walk(value, f'{prefix}{key}.')
            else:
                flat[prefix + key] = value

    walk(yaml.safe_load((ROOT / path).read_text())['/**']['ros__parameters'])
    return flat
