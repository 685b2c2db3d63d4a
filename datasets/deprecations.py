"""What libraries have deprecated or dropped, with the page that says so. Data for `codeopt.datasets.deprecated`.

Each group: page, library ("python" is its standard library), version that deprecated, version that dropped ("" while it is still
there), how the names are meant, and the names. "name" is a dotted name, a module with what is in it included; "method" is an
attribute of the library's objects that no built-in type has, looked for where the library is imported.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Group(NamedTuple):
    """Names with one story."""

    page: str
    library: str
    since: str
    removed: str
    kind: Literal["name", "method"]
    names: str


_PY = "https://docs.python.org/3/whatsnew/"
_NP = "https://numpy.org/doc/stable/release/"
_PD = "https://pandas.pydata.org/docs/whatsnew/"
_SP = "https://docs.scipy.org/doc/scipy/release/"
_NX = "https://networkx.org/documentation/stable/release/"
OLDEST = {"python": "3.11", "numpy": "2.0", "pandas": "2.2", "scipy": "1.14", "networkx": "3.4"}
"""The oldest versions in current use: what all of these have dropped is gone, whatever the version."""
GROUPS = (
    Group(_PY + "3.8.html", "python", "3.3", "3.8", "name", "time.clock"),
    Group(_PY + "3.8.html", "python", "3.5", "3.8", "name", "platform.linux_distribution platform.dist"),
    Group(_PY + "3.8.html", "python", "3.2", "3.8", "name", "cgi.escape"),
    Group(_PY + "3.9.html", "python", "3.5", "3.9", "name", "fractions.gcd"),
    Group(_PY + "3.9.html", "python", "3.1", "3.9", "name", "base64.encodestring base64.decodestring"),
    Group(_PY + "3.9.html", "python", "3.2", "3.9", "name", "sys.getcheckinterval sys.setcheckinterval"),
    Group("https://docs.python.org/3/library/xml.etree.elementtree.html", "python", "3.3", "", "name", "xml.etree.cElementTree"),
    Group(_PY + "3.9.html", "python", "3.7", "3.9", "name", "asyncio.Task.all_tasks asyncio.Task.current_task dummy_threading"),
    Group(
        _PY + "3.10.html", "python", "3.3", "3.10", "name",
        "collections.Mapping collections.MutableMapping collections.Sequence collections.MutableSequence collections.Set "
        "collections.MutableSet collections.Iterable collections.Iterator collections.Callable collections.Hashable "
        "collections.Sized collections.Container collections.Generator",
    ),
    Group(_PY + "3.10.html", "python", "3.4", "3.10", "name", "formatter"),
    Group(_PY + "3.10.html", "python", "3.9", "3.10", "name", "parser symbol"),
    Group(_PY + "3.11.html", "python", "3.0", "3.11", "name", "inspect.getargspec"),
    Group(_PY + "3.11.html", "python", "3.5", "3.11", "name", "inspect.formatargspec"),
    Group(_PY + "3.11.html", "python", "3.8", "3.11", "name", "asyncio.coroutine gettext.lgettext gettext.ldgettext"),
    Group(_PY + "3.11.html", "python", "3.9", "3.11", "name", "binhex"),
    Group(_PY + "3.12.html", "python", "3.4", "3.12", "name", "imp importlib.find_loader"),
    Group(_PY + "3.12.html", "python", "3.10", "3.12", "name", "distutils"),
    Group(_PY + "3.12.html", "python", "3.6", "3.12", "name", "asynchat asyncore smtpd"),
    Group(_PY + "3.12.html", "python", "3.2", "3.12", "name", "configparser.SafeConfigParser"),
    Group(_PY + "3.12.html", "python", "3.7", "3.12", "name", "ssl.wrap_socket ssl.match_hostname locale.format"),
    Group(_PY + "3.12.html", "python", "3.3", "3.12", "name", "pkgutil.ImpImporter pkgutil.ImpLoader"),
    Group(
        "https://peps.python.org/pep-0594/", "python", "3.11", "3.13", "name",
        "aifc audioop cgi cgitb chunk crypt imghdr mailcap msilib nis nntplib ossaudiodev pipes sndhdr spwd sunau telnetlib uu xdrlib",
    ),
    Group(_PY + "3.13.html", "python", "3.11", "3.13", "name", "lib2to3 locale.resetlocale unittest.makeSuite unittest.findTestCases"),
    Group(_PY + "3.13.html", "python", "3.8", "3.13", "name", "typing.io typing.re"),
    Group(_PY + "3.14.html", "python", "3.8", "3.14", "name", "ast.Num ast.Str ast.Bytes ast.NameConstant ast.Ellipsis"),
    Group(_PY + "3.14.html", "python", "3.12", "3.14", "name", "pkgutil.find_loader pkgutil.get_loader"),
    Group(_PY + "3.14.html", "python", "3.12", "3.14", "name", "asyncio.get_child_watcher asyncio.set_child_watcher"),
    Group(_PY + "3.12.html", "python", "3.12", "", "name", "datetime.datetime.utcnow datetime.datetime.utcfromtimestamp"),
    Group(_PY + "3.12.html", "python", "3.12", "", "name", "collections.abc.ByteString"),
    Group("https://docs.python.org/3/library/tempfile.html", "python", "2.3", "", "name", "tempfile.mktemp"),
    Group(
        _PY + "3.14.html", "python", "3.14", "", "name",
        "asyncio.iscoroutinefunction asyncio.get_event_loop_policy asyncio.set_event_loop_policy",
    ),
    Group(
        _NP + "1.24.0-notes.html", "numpy", "1.20", "1.24", "name",
        "numpy.float numpy.int numpy.object numpy.complex numpy.str",
    ),
    Group(
        _NP + "1.25.0-notes.html", "numpy", "1.25", "2.0", "name",
        "numpy.round_ numpy.product numpy.cumproduct numpy.sometrue numpy.alltrue numpy.find_common_type",
    ),
    Group(
        "https://numpy.org/doc/stable/numpy_2_0_migration_guide.html", "numpy", "2.0", "2.0", "name",
        "numpy.asfarray numpy.cfloat numpy.clongfloat numpy.complex_ numpy.fastCopyAndTranspose numpy.float_ numpy.Inf "
        "numpy.Infinity numpy.infty numpy.issctype numpy.issubclass_ numpy.issubsctype numpy.longcomplex numpy.longfloat "
        "numpy.mat numpy.maximum_sctype numpy.NaN numpy.NINF numpy.NZERO numpy.obj2sctype numpy.PINF numpy.PZERO "
        "numpy.recfromcsv numpy.recfromtxt numpy.safe_eval numpy.sctype2char numpy.sctypes numpy.set_string_function "
        "numpy.singlecomplex numpy.string_ numpy.unicode_ numpy.byte_bounds numpy.DataSource numpy.lookfor numpy.source numpy.who",
    ),
    Group(_NP + "2.4.0-notes.html", "numpy", "2.0", "2.4", "name", "numpy.trapz numpy.in1d numpy.linalg.linalg numpy.fft.helper"),
    Group(_NP + "2.0.0-notes.html", "numpy", "2.0", "", "name", "numpy.row_stack"),
    Group(_NP + "2.0.0-notes.html", "numpy", "2.0", "2.0", "method", "itemset"),
    Group(_NP + "2.3.0-notes.html", "numpy", "1.19", "2.3", "method", "tostring"),
    Group(_PD + "v0.23.0.html", "pandas", "0.18", "0.23", "name", "pandas.rolling_mean pandas.rolling_std pandas.rolling_sum"),
    Group(_PD + "v0.25.0.html", "pandas", "0.20", "0.25", "name", "pandas.Panel"),
    Group(_PD + "v1.0.0.html", "pandas", "0.25", "1.0", "name", "pandas.SparseDataFrame pandas.SparseSeries pandas.read_msgpack"),
    Group(_PD + "v1.0.0.html", "pandas", "0.21", "1.0", "name", "pandas.TimeGrouper"),
    Group(_PD + "v1.0.0.html", "pandas", "0.23", "1.0", "method", "as_matrix"),
    Group(_PD + "v1.0.0.html", "pandas", "0.20", "1.0", "method", "ix"),
    Group(_PD + "v2.0.0.html", "pandas", "1.0", "2.0", "name", "pandas.datetime pandas.np pandas.util.testing"),
    Group(_PD + "v2.0.0.html", "pandas", "1.4", "2.0", "name", "pandas.Int64Index pandas.UInt64Index pandas.Float64Index"),
    Group(_PD + "v2.0.0.html", "pandas", "1.5", "2.0", "method", "iteritems"),
    Group(_PD + "v2.0.0.html", "pandas", "1.2", "2.0", "method", "slice_shift"),
    Group(_PD + "v2.0.0.html", "pandas", "1.1", "2.0", "method", "tshift"),
    Group(_PD + "v3.0.0.html", "pandas", "2.1", "3.0", "method", "applymap"),
    Group(_PD + "v3.0.0.html", "pandas", "2.1", "3.0", "name", "pandas.value_counts"),
    Group(_PD + "v3.0.0.html", "pandas", "2.2", "3.0", "name", "pandas.read_gbq"),
    Group(_SP + "1.12.0-notes.html", "scipy", "1.10", "1.12", "name", "scipy.stats.binom_test"),
    Group(_SP + "1.15.0-notes.html", "scipy", "1.10", "1.15", "name", "scipy.misc.derivative scipy.misc.central_diff_weights"),
    Group(_SP + "1.13.0-notes.html", "scipy", "1.11", "1.13", "name", "scipy.linalg.tri scipy.linalg.triu scipy.linalg.tril"),
    Group(_SP + "1.13.0-notes.html", "scipy", "1.11", "1.13", "name", "scipy.signal.bspline scipy.signal.quadratic scipy.signal.cubic"),
    Group(_SP + "1.14.0-notes.html", "scipy", "1.12", "1.14", "name", "scipy.integrate.trapz scipy.integrate.cumtrapz scipy.integrate.simps"),
    Group(_SP + "1.14.0-notes.html", "scipy", "1.10", "1.14", "name", "scipy.interpolate.interp2d"),
    Group(
        _SP + "1.15.0-notes.html", "scipy", "1.12", "1.15", "name",
        "scipy.integrate.quadrature scipy.integrate.romberg scipy.signal.cwt scipy.signal.daub scipy.signal.morlet "
        "scipy.signal.morlet2 scipy.signal.ricker scipy.stats.rvs_ratio_uniforms",
    ),
    Group(
        _SP + "1.17.0-notes.html", "scipy", "1.15", "1.17", "name",
        "scipy.linalg.kron scipy.special.sph_harm scipy.special.lpn scipy.special.lpmn scipy.special.clpmn scipy.stats.find_repeats",
    ),
    Group(
        _NX + "release_2.4.html", "networkx", "2.1", "2.4", "name",
        "networkx.connected_component_subgraphs networkx.weakly_connected_component_subgraphs "
        "networkx.strongly_connected_component_subgraphs networkx.biconnected_component_subgraphs "
        "networkx.attracting_component_subgraphs",
    ),
    Group(
        _NX + "release_3.0.html", "networkx", "2.6", "3.0", "name",
        "networkx.to_numpy_matrix networkx.from_numpy_matrix networkx.read_gpickle networkx.write_gpickle networkx.read_shp "
        "networkx.write_shp networkx.pagerank_numpy networkx.pagerank_scipy networkx.jit_data networkx.jit_graph "
        "networkx.hub_matrix networkx.authority_matrix networkx.OrderedGraph networkx.OrderedDiGraph networkx.OrderedMultiGraph "
        "networkx.OrderedMultiDiGraph networkx.adj_matrix networkx.numeric_mixing_matrix networkx.k_nearest_neighbors",
    ),
)  # fmt: skip
